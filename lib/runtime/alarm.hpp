#pragma once

#include <memory>
#include <vector>

#include "runtime/timed_thread.hpp"

namespace coinfer::runtime {

/// Someone who is to be woken at a time.
class Alarm {
 public:
  virtual ~Alarm() = default;
  /// On the clock's thread, with no lock held. Must not block.
  virtual void ring() noexcept = 0;
};

/// The process's one thread that wakes others at a time. When it is stopped, all that wait ring.
class AlarmClock final : public TimedThread {
 public:
  /// Made at first use and never destroyed.
  static AlarmClock& instance();

  /// Rings once, at `time` or soon after, unless the alarm is gone by then. False when the clock
  /// was stopped: then it will not ring.
  bool arm(std::weak_ptr<Alarm> alarm, Time time);

 private:
  struct Entry {
    Time time;
    std::weak_ptr<Alarm> alarm;
    bool operator<(const Entry& other) const noexcept { return time > other.time; }  // a min-heap
  };

  AlarmClock() : TimedThread{"coinfer-alarms", AtStop::tell} {}
  ~AlarmClock() = default;  // never called
  std::optional<Time> earliest() const override;
  void tell_first(std::unique_lock<std::mutex>& lock) override;

  std::vector<Entry> entries_;
};

}  // namespace coinfer::runtime
