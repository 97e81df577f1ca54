#include "runtime/alarm.hpp"

#include <algorithm>

namespace coinfer::runtime {

AlarmClock& AlarmClock::instance() {
  static auto* const clock = new AlarmClock;
  return *clock;
}

bool AlarmClock::arm(std::weak_ptr<Alarm> alarm, Time time) {
  const std::lock_guard lock{mutex_};
  if (!started()) {
    return false;
  }
  const bool first = entries_.empty() || time < entries_.front().time;
  entries_.push_back({time, std::move(alarm)});
  std::push_heap(entries_.begin(), entries_.end());
  if (first) {
    look_again();
  }
  return true;
}

std::optional<AlarmClock::Time> AlarmClock::earliest() const {
  return entries_.empty() ? std::nullopt : std::optional{entries_.front().time};
}

void AlarmClock::tell_first(std::unique_lock<std::mutex>& lock) {
  std::pop_heap(entries_.begin(), entries_.end());
  const auto alarm = std::move(entries_.back().alarm);
  entries_.pop_back();
  lock.unlock();
  if (const auto alive = alarm.lock()) {
    alive->ring();
  }
  lock.lock();
}

}  // namespace coinfer::runtime
