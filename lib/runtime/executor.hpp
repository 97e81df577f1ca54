#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace coinfer::runtime {

/// The process's Asio execution context and its worker threads, which start when work is first
/// posted, one at a time, at most one per compute slot. Workers block all signals and run at a
/// lower scheduling priority, so that event loops answer on a saturated machine. Where the
/// application gave its executor, permits are posted there, and there are no workers.
/// *Thread safety*: shared objects: safe.
class Executor {
 public:
  using executor_type = boost::asio::io_context::executor_type;

  /// `drain` is what a permit does: run waiting operations until none can run. `given` is the
  /// application's executor, or empty.
  Executor(int threads, boost::asio::any_io_executor given, std::function<void()> drain);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// There is a worker, or one is started. Throws Error when it cannot be.
  void ensure_worker();
  /// Lets one worker run `drain`: the two that follow. False when that is not possible.
  bool post_permit() noexcept;
  /// Never blocks, so that it may be called under a lock; `offer_permits` must follow.
  void add_permit() noexcept;
  /// Throws when the context cannot take them; they are kept for the next call then.
  void offer_permits();
  /// Takes back one that could not be offered. False when somebody has it.
  bool withdraw_permit() noexcept;
  /// A worker has ended a run and will look for the next one within microseconds: until `back`,
  /// permits are left to it. No effect on other threads.
  static void back_soon() noexcept;
  /// The worker that said so has found a run. True when a permit was left to it, which is used up.
  bool back();
  executor_type get_executor() noexcept { return context_.get_executor(); }
  /// Where permits run. What is posted there finds a worker, and lets others find one.
  boost::asio::any_io_executor handle();
  /// A worker runs an application's handler from now on, perhaps for long, so it is not idle.
  void begin_handler();
  /// Lets what is posted to the context find a worker, if there is room for one. Throws Error when
  /// none is there and none can be started; without a second one the first does all.
  void start_worker_if_none_idle();
  /// A handler was posted to the context: a worker that waits awake looks for it.
  void handler_posted() noexcept { posted_.fetch_add(1, std::memory_order_release); }
  bool is_given() const noexcept { return static_cast<bool>(given_); }
  bool owns(const boost::asio::execution_context& context) const noexcept {
    return &context == &context_;
  }
  /// Worker threads that run now.
  int workers() const noexcept {
    return stopped_.load(std::memory_order_acquire) ? 0 : started_.load(std::memory_order_acquire);
  }
  /// Ends the workers; `join` waits for their end and for the permits that run on a given executor,
  /// and a later call may still do so.
  void stop(bool join);

  /// Does the calling thread belong to any Executor, or does it run a permit or a callback?
  static bool on_worker() noexcept;

 private:
  void work();
  bool spin();
  void stop_spinning();
  void each_permit(const auto& offer);
  bool take_permit();
  void post_permits();
  void hand_over_permits() noexcept;
  void start_worker(int wanted);
  void end_idle(std::chrono::steady_clock::time_point at);
  void run_given_permit();

  const int threads_;
  const boost::asio::any_io_executor given_;
  std::function<void()> drain_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<executor_type> guard_;
  std::atomic<std::uint32_t> permits_{0};
  std::atomic<bool> from_worker_{false};  // the last permit: left to its worker at first
  std::atomic<std::uint32_t> posted_{0};
  std::atomic<int> idle_{0};
  std::atomic<int> started_{0};
  std::atomic<bool> spinning_{false};
  std::atomic<std::chrono::microseconds> spin_time_{std::chrono::microseconds{100}};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::vector<std::thread> workers_;
  int given_running_ = 0;  // permits that run on the given executor
  std::condition_variable given_idle_;
};

/// Blocking calls of this thread are refused while it lives, as on a worker.
class NoBlocking {
 public:
  NoBlocking() noexcept;
  ~NoBlocking();
  NoBlocking(const NoBlocking&) = delete;
  NoBlocking& operator=(const NoBlocking&) = delete;

 private:
  const bool before_;
};

/// What a thread that computes for us does once: signals blocked, scheduling priority lowered.
void settle_compute_thread() noexcept;

}  // namespace coinfer::runtime
