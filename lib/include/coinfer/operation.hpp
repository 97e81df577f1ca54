#pragma once

#include <atomic>
#include <boost/intrusive/set_hook.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "coinfer/completion.hpp"
#include "coinfer/stamps.hpp"
#include "coinfer/tensor.hpp"

namespace coinfer {

namespace runtime {
class Compiled;
class Scheduler;
class Stream;
struct RunFrame;
}  // namespace runtime

class Operation;
using OperationRef = boost::intrusive_ptr<Operation>;

/// What runs between the end of the computation and the completion: a user's callback. It must see
/// to it that `operation.deliver()` is called exactly once, from any thread.
struct Gate {
  /// What `pass` does on the thread that has ended the run.
  enum class Passing : std::uint8_t {
    calls_out,   ///< runs somebody else's code, perhaps for long
    works,       ///< something of our own that is done before the thread looks for another run
    hands_over,  ///< passes a word to another thread, within microseconds
  };

  void (*pass)(Gate* self, Operation& operation) noexcept = nullptr;
  Passing passing = Passing::calls_out;
};

/// Told right when the computation has ended, before gate and waiters: the owner (a request) is
/// idle again. Must not block.
struct Owner {
  void (*ended)(Owner* self, Operation& operation) noexcept = nullptr;
};

/// Gives a run its inputs late: when it really begins, on the thread that computes. What it throws,
/// the run ends with.
struct Binder {
  void (*bind)(Binder* self, Operation& operation) = nullptr;
};

/// Whoever runs an operation as a part of a larger one (a batch), in place of the model's streams.
class Carrier {
 public:
  virtual ~Carrier() = default;
  /// The operation was asked to stop. Any thread; it may be completed there.
  virtual void stop(Operation& operation) noexcept = 0;
};

/// One run of a model: its inputs, outputs, state and end. Knows no Python.
/// *Thread safety*: shared objects: safe as far as said at each member.
class Operation {
 public:
  enum class State : std::uint8_t { made, queued, running, ended };

  explicit Operation(std::shared_ptr<runtime::Compiled> model);
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  /// Mostly made by one thread and freed by another: from blocks that are kept for reuse.
  static void* operator new(std::size_t bytes);
  static void operator delete(void* block, std::size_t bytes) noexcept;

  /// What is read, one tensor a model input. Held until the run is really idle. Set before `start`.
  std::vector<Tensor> inputs;
  /// Where results go, one tensor a model output, reshaped by the run; a null one is made by it.
  std::vector<Tensor> outputs;
  /// The run also copies its outputs to new memory of their own (an awaited result that is not
  /// shared).
  bool publish_copies = false;
  std::vector<Tensor> published;
  /// When the run is stopped, if it has not ended; then it fails with DeadlineExceeded.
  std::optional<std::chrono::steady_clock::time_point> deadline;
  int priority = 0;  ///< higher first among the waiting runs of its model
  Gate* gate = nullptr;
  Owner* owner = nullptr;
  Binder* binder = nullptr;
  std::shared_ptr<Carrier> carrier;  ///< set: never started, completed by its carrier
  /// Keeps gate, owner and binder alive while the run is in flight.
  std::shared_ptr<void> keep;

  /// Queues the run on the model's streams. Throws Error when the runtime is shut down or forked.
  void start();
  /// Runs on the calling thread; returns when done, after the waiters were told. What went wrong is
  /// in `computed()`. Throws Error only when it could not begin. While it waits for a stream
  /// `interrupted` is asked every 100 ms and after each signal; what says so is cancelled.
  void run_inline(const std::function<bool()>& interrupted = {});
  /// Asks the run to stop: dequeued when queued (and completed on the calling thread), else stopped
  /// at the next step. Any thread.
  void cancel() noexcept;
  /// `cancel` by someone who no longer cares: its request may be started again at once, behind it.
  void abandon() noexcept;
  /// `cancel`, because the deadline has passed.
  void expire() noexcept;
  /// Completes with the outcome of the computation (see Gate), any thread, once.
  void deliver() noexcept;

  bool stopping() const noexcept { return stop_.load(std::memory_order_acquire); }
  bool abandoned() const noexcept { return abandoned_.load(std::memory_order_acquire); }
  State state() const noexcept { return state_.load(std::memory_order_acquire); }
  /// The outcome of the computation; once `state()` is ended.
  const Outcome& computed() const noexcept { return computed_; }
  /// Any thread, at any time.
  Stamps stamps() const noexcept { return stamps_.read(); }
  /// The run's number in the trace that records it, 0 when none does. Once `state()` is ended.
  std::uint64_t trace_id() const noexcept { return trace_id_; }
  const std::shared_ptr<runtime::Compiled>& model() const noexcept { return model_; }

  /// True for the first caller only: who reports the outcome's error to somebody calls it.
  bool observe() noexcept { return !observed_.exchange(true, std::memory_order_acq_rel); }
  /// Did it end with an error that nobody was told of? After completion.
  bool unreported_error() const noexcept {
    return has_callback_error_.load(std::memory_order_acquire) ||
           (computed_.error && !observed_.load(std::memory_order_acquire));
  }
  /// What the user's callback threw; null, or null again after the first taker. After completion.
  std::exception_ptr take_callback_error() noexcept;
  void set_callback_error(std::exception_ptr error) noexcept;

  Completion completion;
  /// Among the runs that are watched for their deadline.
  boost::intrusive::set_member_hook<> deadline_hook;

  /// Ready for another run. Only by the only holder, after the end.
  void reset() noexcept;
  /// Ends a run that could not be queued.
  void fail_unstarted(std::exception_ptr error) noexcept;
  /// Held by nobody but the caller?
  bool unique() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

 private:
  friend class runtime::Scheduler;
  friend struct runtime::RunFrame;
  friend void intrusive_ptr_add_ref(Operation* operation) noexcept {
    operation->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(Operation* operation) noexcept {
    if (operation->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete operation;
    }
  }
  void resume() noexcept;
  void finish(Outcome outcome) noexcept;
  void tell(bool on_worker) noexcept;

  std::atomic<std::uint32_t> references_{0};
  std::atomic<State> state_{State::made};
  std::atomic<bool> stop_{false};
  std::atomic<bool> abandoned_{false};
  std::atomic<bool> expired_{false};
  std::atomic<bool> observed_{false};
  std::atomic<bool> has_callback_error_{false};
  StampSheet stamps_;
  std::uint64_t trace_id_ = 0;
  Outcome computed_;
  std::exception_ptr callback_error_;
  std::shared_ptr<runtime::Compiled> model_;
  std::unique_ptr<runtime::RunFrame> frame_;  // the coroutine and what it carries between stages
  // The scheduler's, under its lock.
  Operation* next_ = nullptr;
  Operation* previous_ = nullptr;
  bool linked_ = false;
  bool inline_ = false;
  runtime::Stream* stream_ = nullptr;
  std::atomic<std::uint32_t> granted_{0};
};

}  // namespace coinfer
