#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace coinfer::runtime {

/// A thread that sleeps until the earliest of some times and then tells whom it concerns. It blocks
/// all signals and starts when it is first needed. What it waits for is the derived class's, under
/// `mutex_`. *Thread safety*: shared objects: safe.
class TimedThread {
 public:
  using Time = std::chrono::steady_clock::time_point;

  TimedThread(const TimedThread&) = delete;
  TimedThread& operator=(const TimedThread&) = delete;

  /// Ends the thread; `join` waits for its end, and a later call may still do so.
  void stop(bool join) noexcept;

 protected:
  enum class AtStop { forget, tell };  ///< those who wait

  /// `name`: of the thread, at most 15 characters.
  TimedThread(const char* name, AtStop at_stop) : name_{name}, at_stop_{at_stop} {}
  ~TimedThread() = default;

  /// Starts the thread if need be; false when it was stopped. Throws Error when it cannot start.
  /// Needs the lock.
  bool started();
  /// There is a new earliest time.
  void look_again() noexcept { changed_.notify_one(); }
  /// Nullopt when nobody waits. Under the lock.
  virtual std::optional<Time> earliest() const = 0;
  /// The earliest time has come: takes it out, and tells with the lock released.
  virtual void tell_first(std::unique_lock<std::mutex>& lock) = 0;

  std::mutex mutex_;

 private:
  void run();

  const char* const name_;
  const AtStop at_stop_;
  std::condition_variable changed_;
  std::thread thread_;
  bool stopped_ = false;
};

}  // namespace coinfer::runtime
