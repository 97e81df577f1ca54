#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace coinfer::runtime {

/// Someone who is to be woken at a time.
class Alarm {
 public:
  virtual ~Alarm() = default;
  /// On the clock's thread, with no lock held. Must not block.
  virtual void ring() noexcept = 0;
};

/// The process's one thread that wakes others at a time. It starts with the first alarm.
/// *Thread safety*: shared objects: safe.
class AlarmClock {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Made at first use and never destroyed.
  static AlarmClock& instance();

  /// Rings once, at `time` or soon after, unless the alarm is gone by then. False when the clock
  /// was stopped: then it will not ring.
  bool arm(std::weak_ptr<Alarm> alarm, Time time);
  /// Rings all that wait, now, and ends the thread; `join` waits for its end, and a later call may
  /// still do so.
  void stop(bool join) noexcept;

 private:
  struct Entry {
    Time time;
    std::weak_ptr<Alarm> alarm;
    bool operator<(const Entry& other) const noexcept { return time > other.time; }  // a min-heap
  };
  void tick();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace coinfer::runtime
