#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "coinfer/operation.hpp"
#include "coinfer/runtime.hpp"
#include "runtime/executor.hpp"
#include "runtime/short_mutex.hpp"

namespace coinfer::runtime {

/// A model's place at the scheduler: its waiting runs, first in first out within one priority, and
/// its free streams. Owned by the Compiled; all members are the scheduler's, under its lock.
class WaitingRuns {
 public:
  /// `slots`: compute threads that each of the streams takes from the process's budget.
  /// `priority`: models with a higher one go first.
  WaitingRuns(std::vector<Stream*> streams, int slots, int priority = 0)
      : free_{std::move(streams)}, slots_{slots}, priority_{priority} {}

 private:
  friend class Scheduler;
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;
  std::vector<Stream*> free_;
  int slots_;
  int priority_;
  int passed_over_ = 0;
  WaitingRuns* next_ = nullptr;  // ring of models with waiting runs
  bool in_ring_ = false;
};

/// Leases streams to runs. A lease takes a model's free stream and its slots of the process's
/// budget, so compute threads never exceed the budget, however many models and callers there are.
/// Models of equal priority take turns, higher ones go first; a model whose lease is larger than
/// what is free is passed over a few times, then the slots are kept for it. *Thread safety*: shared
/// objects: safe. No lock is held while anything runs.
class Scheduler {
 public:
  /// `given`: the application's executor, or empty for threads of our own.
  Scheduler(int slots, boost::asio::any_io_executor given);

  /// Queues a run; a worker resumes it when it is leased a stream. Takes over one reference.
  void submit(Operation& operation);
  /// What an inline caller wants a stream for.
  enum class Purpose : std::uint8_t { run, later_stage, compilation };
  /// Leases a stream to the calling thread, which parks until there is one. False when the run was
  /// dequeued meanwhile, or `interrupted`, asked every 100 ms and after each signal, said so: then
  /// it counts as cancelled.
  bool acquire(Operation& operation, Purpose purpose,
               const std::function<bool()>& interrupted = {});
  /// Ends a lease whose holder goes on by itself: an inline caller between stages, a compilation.
  void release(Operation& operation);
  /// Ends the lease of a run that has its outcome. A worker looks for the next run by itself,
  /// within microseconds or after `look_later`.
  void end_run(Operation& operation);
  /// The calling thread runs somebody else's code now, perhaps for long. No effect on others than
  /// workers that have ended a run.
  static void look_later() noexcept;
  /// A running run gives its stream back and queues behind the waiting ones (a stage boundary).
  void requeue(Operation& operation);
  /// Calls `work` for each stream of the model that no run has; runs wait meanwhile.
  void with_free_streams(WaitingRuns& queue, const std::function<void(Stream&)>& work);
  /// Removes a run that waits. True when the caller is to complete it: false when it runs already,
  /// is not queued, or belongs to an inline caller, who is woken and completes it.
  bool dequeue(Operation& operation);

  /// Is any run waiting for a stream?
  bool contended() const noexcept { return waiting_.load() > 0; }
  Executor& executor() noexcept { return executor_; }
  /// What is counted here; live objects are not.
  Stats stats() const;

  /// Nothing starts any more; waiting and running ones are asked to stop.
  void close();
  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

 private:
  enum class Granted : std::uint32_t { nothing, lease, cancelled };

  struct Taken {
    Operation* operation = nullptr;
    bool more = false;  ///< another worker could take a run, too
  };

  void drain();
  void serve() noexcept;
  Taken take();
  WaitingRuns* grant_inline();
  void call_worker() noexcept;
  void will_look() noexcept;
  void check_open() const;
  void link(WaitingRuns& queue, Operation& operation);
  void unlink(WaitingRuns& queue, Operation& operation);
  bool runnable(const WaitingRuns& queue) const {
    return !queue.free_.empty() && free_slots_ >= queue.slots_;
  }
  WaitingRuns* next_runnable() const;
  void pass_over(const WaitingRuns& granted);
  Operation& grant(WaitingRuns& queue);
  void lease(WaitingRuns& queue, Operation& operation);
  void end_lease(Operation& operation);
  static void wake(Operation& operation, Granted granted);
  static WaitingRuns& queue_of(Operation& operation);

  mutable ShortMutex mutex_;
  const int slots_;
  int free_slots_;
  RunCounts runs_;
  WaitingRuns* turn_ = nullptr;  // last of the ring: its next_ has the next turn
  std::atomic<int> waiting_{0};
  // Permits that nobody has used yet, and workers that have ended a run: who will look for a run
  // within microseconds. While there is one, nobody else is called; he calls the next.
  std::atomic<int> looking_{0};
  std::atomic<bool> closed_{false};
  std::vector<Operation*> running_;
  Executor executor_;
};

}  // namespace coinfer::runtime
