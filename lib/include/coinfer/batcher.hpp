#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "coinfer/compiled_model.hpp"
#include "coinfer/operation.hpp"

namespace coinfer {

namespace runtime {
class Batching;
}

/// When requests are joined.
struct BatcherOptions {
  std::int64_t max_batch = 32;  ///< rows of a run
  /// How long a request may wait for others while a stream is free.
  std::chrono::nanoseconds max_delay = std::chrono::milliseconds{2};
};

/// What a batcher has done so far.
struct BatcherStats {
  std::uint64_t requests = 0;
  std::uint64_t batches = 0;  ///< runs
  std::uint64_t rows = 0;     ///< of requests, in those runs
  std::uint64_t padding = 0;  ///< rows added to fill up runs
  std::uint64_t retries = 0;  ///< requests run again, alone, because their batch had failed

  /// Rows a run; 0 before the first.
  double mean_size() const noexcept {
    return batches == 0 ? 0.0 : static_cast<double>(rows) / static_cast<double>(batches);
  }
};

/// Joins concurrent requests of one model along the first axis of all its inputs, runs them
/// together, and gives each its rows of the outputs, in tensors of its own. A request has one row
/// or more. Requests whose other dimensions differ run in different batches. Runs have few sizes
/// (powers of two up to `max_batch`); a run that is not full repeats its first row.
///
/// A run starts when `max_batch` rows wait, or when the oldest request has waited for `max_delay`.
/// While all streams of the model are busy, requests collect. When a run fails, its requests are
/// run one by one, so that only those fail that cannot run.
///
/// A handle: copies are the same batcher. Dropping all handles ends nothing: what was asked for is
/// answered. *Thread safety*: shared objects: safe.
class Batcher {
 public:
  Batcher() = default;
  /// Throws Error naming the input or output that has no dynamic first dimension for `max_batch`.
  explicit Batcher(const CompiledModel& model, const BatcherOptions& options = {});

  /// Runs each size of batch once, so that no request has to wait for a plan (models with other
  /// dynamic dimensions plan at first sight of a shape). Blocks; optional. Throws Error when an
  /// output turns out to lack the batch axis.
  void open();
  /// The same. *Completion signature*: void(std::exception_ptr). No cancellation.
  template <class Token>
  auto async_open(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, Batcher self) { wait_for(self.start_opening(), std::move(handler)); },
        token, *this);
  }

  /// Infers `inputs`, one tensor a model input, each of shape [rows, ...], as part of a batch.
  /// *Completion signature*: void(std::exception_ptr, std::vector<Tensor>), the outputs in the
  /// model's order; Error naming the input when one does not fit, and when the batcher is closed.
  /// *Cancellation*: total, partial and terminal all complete it with Cancelled: at once when it
  /// waits or was joined with others, at the next step when it runs alone. The handler runs on its
  /// associated executor; without one on the stream's thread, or the one that cancels, where it
  /// must not block. Never completes before it returned.
  template <class Token>
  auto async_infer(std::vector<Tensor> inputs, Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, std::vector<Tensor>)>(
        [](auto handler, Batcher self, std::vector<Tensor> given) {
          infer(self, std::move(given), std::move(handler));
        },
        token, *this, std::move(inputs));
  }

  /// Refuses requests from now on, runs those that wait without further delay, and blocks until all
  /// are over.
  void close();
  /// The same. *Completion signature*: void(std::exception_ptr), always null. No cancellation.
  template <class Token>
  auto async_close(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, Batcher self) { wait_for(self.start_closing(), std::move(handler)); },
        token, *this);
  }

  BatcherStats stats() const;

  /// For those who wait in ways of their own: an operation of the model with `inputs` set,
  /// `outputs` empty and a waiter attached, who holds it until he is told. Its `priority` decides
  /// who goes first when more wait than fit. Throws Error as said above.
  void start(const OperationRef& operation);
  /// Operations that are completed when it is open, or closed and drained.
  OperationRef start_opening();
  OperationRef start_closing();

  explicit operator bool() const noexcept { return impl_ != nullptr; }
  friend bool operator==(const Batcher&, const Batcher&) noexcept = default;

 private:
  template <class Handler>
  struct Waiter;
  template <class Handler>
  static void wait_for(OperationRef operation, Handler handler);
  template <class Handler>
  static void infer(Batcher& batcher, std::vector<Tensor> inputs, Handler handler);
  OperationRef make_operation(std::vector<Tensor> inputs) const;

  std::shared_ptr<runtime::Batching> impl_;
};

/// A handler that waits for an operation, in memory of the handler's allocator.
template <class Handler>
struct Batcher::Waiter : Continuation {
  using Executor = boost::asio::associated_executor_t<Handler>;
  using Allocator = typename std::allocator_traits<
      boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<Waiter>;
  static constexpr bool wants_outputs =
      std::is_invocable_v<Handler, std::exception_ptr, std::vector<Tensor>>;

  Handler handler;
  OperationRef operation;
  boost::asio::executor_work_guard<Executor> work;

  Waiter(Handler given, OperationRef waited_for)
      : handler{std::move(given)},
        operation{std::move(waited_for)},
        work{boost::asio::get_associated_executor(handler)} {
    fire = [](Continuation* self, const Outcome& outcome) noexcept {
      static_cast<Waiter*>(self)->finish(outcome.error, false);
    };
  }

  static Waiter* make(Handler handler, OperationRef operation) {
    Allocator allocator{boost::asio::get_associated_allocator(handler)};
    auto* memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
    return new (memory) Waiter{std::move(handler), std::move(operation)};
  }

  /// Frees the memory first, as Asio asks of asynchronous operations, then calls the handler.
  void finish(std::exception_ptr error, bool from_initiation) {
    Handler moved{std::move(handler)};
    auto guard = std::move(work);
    std::vector<Tensor> outputs;
    if (wants_outputs && !error && operation) {
      outputs = std::move(operation->outputs);
    }
    Allocator allocator{boost::asio::get_associated_allocator(moved)};
    this->~Waiter();
    std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
    auto executor = guard.get_executor();
    auto call = [moved = std::move(moved), error = std::move(error),
                 outputs = std::move(outputs)]() mutable {
      boost::asio::get_associated_cancellation_slot(moved).clear();
      if constexpr (wants_outputs) {
        std::move(moved)(std::move(error), std::move(outputs));
      } else {
        std::move(moved)(std::move(error));
      }
    };
    auto bound = boost::asio::bind_allocator(allocator, std::move(call));
    if (from_initiation) {
      boost::asio::post(executor, std::move(bound));
    } else {
      boost::asio::dispatch(executor, std::move(bound));
    }
  }
};

template <class Handler>
void Batcher::wait_for(OperationRef operation, Handler handler) {
  auto& waited_for = *operation;
  auto* waiter = Waiter<Handler>::make(std::move(handler), operation);
  if (!waited_for.completion.attach(*waiter)) {
    waiter->finish(waited_for.completion.outcome().error, true);
  }
}

template <class Handler>
void Batcher::infer(Batcher& batcher, std::vector<Tensor> inputs, Handler handler) {
  auto operation = batcher.make_operation(std::move(inputs));
  auto slot = boost::asio::get_associated_cancellation_slot(handler);
  auto* waiter = Waiter<Handler>::make(std::move(handler), operation);
  operation->completion.attach(*waiter);
  try {
    if (slot.is_connected()) {
      // Assigned before the start, because the handler may run, and clear the slot, at once.
      slot.assign([operation](boost::asio::cancellation_type) {
        OperationRef { operation } -> cancel();  // the slot may be cleared meanwhile
      });
    }
    batcher.start(operation);
  } catch (...) {
    waiter->finish(std::current_exception(), true);
  }
}

}  // namespace coinfer
