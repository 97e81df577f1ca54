#include "runtime/alarm.hpp"

#include <pthread.h>

#include "runtime/quiet_thread.hpp"

namespace coinfer::runtime {

AlarmClock& AlarmClock::instance() {
  static auto* const clock = new AlarmClock;
  return *clock;
}

bool AlarmClock::arm(std::weak_ptr<Alarm> alarm, Time time) {
  const std::lock_guard lock{mutex_};
  if (stopped_) {
    return false;
  }
  if (!thread_.joinable()) {
    thread_ = start_quiet_thread([this] { tick(); });
  }
  const bool first = entries_.empty() || time < entries_.front().time;
  entries_.push_back({time, std::move(alarm)});
  std::push_heap(entries_.begin(), entries_.end());
  if (first) {
    changed_.notify_one();
  }
  return true;
}

void AlarmClock::tick() {
  pthread_setname_np(pthread_self(), "coinfer-alarms");
  std::unique_lock lock{mutex_};
  for (;;) {
    if (entries_.empty()) {
      if (stopped_) {
        return;
      }
      changed_.wait(lock);
      continue;
    }
    const auto time = entries_.front().time;
    if (!stopped_ && std::chrono::steady_clock::now() < time) {
      changed_.wait_until(lock, time);
      continue;
    }
    std::pop_heap(entries_.begin(), entries_.end());
    const auto alarm = std::move(entries_.back().alarm);
    entries_.pop_back();
    lock.unlock();
    if (const auto alive = alarm.lock()) {
      alive->ring();
    }
    lock.lock();
  }
}

void AlarmClock::stop(bool join) noexcept {
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
