#include "runtime/deadlines.hpp"

#include <pthread.h>

#include "runtime/quiet_thread.hpp"

namespace coinfer::runtime {

Deadlines& Deadlines::instance() {
  // Never destroyed: threads that outlive main may still look at it.
  static auto* const only = new Deadlines;
  return *only;
}

void Deadlines::arm(Operation& operation) {
  const std::lock_guard lock{mutex_};
  if (stopped_) {
    return;
  }
  if (!thread_.joinable()) {
    thread_ = start_quiet_thread([this] { watch(); });
  }
  intrusive_ptr_add_ref(&operation);
  const auto place = watched_.insert(operation);
  if (place == watched_.begin()) {
    changed_.notify_one();
  }
}

void Deadlines::disarm(Operation& operation) noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (!operation.deadline_hook.is_linked()) {
      return;
    }
    watched_.erase(watched_.iterator_to(operation));
  }
  intrusive_ptr_release(&operation);
}

void Deadlines::watch() {
  pthread_setname_np(pthread_self(), "coinfer-deadlines");
  std::unique_lock lock{mutex_};
  while (!stopped_) {
    if (watched_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto earliest =
        watched_.begin()->deadline.value_or(std::chrono::steady_clock::time_point{});
    if (std::chrono::steady_clock::now() < earliest) {
      changed_.wait_until(lock, earliest);
      continue;
    }
    auto& operation = *watched_.begin();
    watched_.erase(watched_.begin());
    lock.unlock();
    operation.expire();
    intrusive_ptr_release(&operation);
    lock.lock();
  }
}

void Deadlines::stop(bool join) {
  std::thread ended;
  {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
    if (join) {
      ended.swap(thread_);
    }
  }
  changed_.notify_one();
  if (ended.joinable()) {
    ended.join();
  }
}

}  // namespace coinfer::runtime
