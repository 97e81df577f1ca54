#include "runtime/timed_thread.hpp"

#include <pthread.h>

#include <system_error>

#include "coinfer/error.hpp"
#include "runtime/quiet_thread.hpp"

namespace coinfer::runtime {

bool TimedThread::started() {
  if (!stopped_ && !thread_.joinable()) {
    try {
      thread_ = start_quiet_thread([this] { run(); });
    } catch (const std::system_error& error) {
      throw Error(fmt::format("the thread {} could not be started: {}", name_, error.what()));
    }
  }
  return !stopped_;
}

void TimedThread::run() {
  pthread_setname_np(pthread_self(), name_);
  std::unique_lock lock{mutex_};
  for (;;) {
    const auto time = earliest();
    if (stopped_ && (!time || at_stop_ == AtStop::forget)) {
      return;
    }
    if (!time) {
      changed_.wait(lock);
    } else if (!stopped_ && std::chrono::steady_clock::now() < *time) {
      changed_.wait_until(lock, *time);
    } else {
      tell_first(lock);
    }
  }
}

void TimedThread::stop(bool join) noexcept {
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
