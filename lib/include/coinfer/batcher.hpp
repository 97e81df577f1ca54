#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "coinfer/compiled_model.hpp"
#include "coinfer/detail/batch_waiter.hpp"
#include "coinfer/operation.hpp"

namespace coinfer {

namespace runtime {
class Batching;
}

/// Rows of a run that a batcher may be given. All sizes of runs are run once when it opens, and
/// their memory is kept.
inline constexpr std::int64_t largest_batch = 4096;

/// When requests are joined.
struct BatcherOptions {
  std::int64_t max_batch = 32;  ///< rows of a run, 1 to `largest_batch`
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
  /// output turns out to lack the batch axis, and when the batcher is closed.
  void open();
  /// The same. *Completion signature*: void(std::exception_ptr). No cancellation.
  template <class Token>
  auto async_open(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, Batcher self) {
          detail::BatchWaiter<>::make(std::move(handler))->wait_for([&] {
            return self.start_opening();
          });
        },
        token, *this);
  }

  /// Infers `inputs`, one tensor a model input, each of shape [rows, ...], as part of a batch.
  /// *Completion signature*: void(std::exception_ptr, std::vector<Tensor>), the outputs in the
  /// model's order; Error naming the input when one does not fit, and when the batcher is closed.
  /// *Cancellation*: total, partial and terminal all complete it with Cancelled: at once when it
  /// waits or was joined with others, at the next step when it runs alone. The handler runs through
  /// its associated executor; without one on the stream's thread, or the one that cancels, where it
  /// must not block. Its associated allocator gives the memory in which it waits. Never completes
  /// before this has returned. When the handler's execution context is destroyed first, so is the
  /// handler.
  template <class Token>
  auto async_infer(std::vector<Tensor> inputs, Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, std::vector<Tensor>)>(
        [](auto handler, Batcher self, std::vector<Tensor> given) {
          const auto slot = boost::asio::get_associated_cancellation_slot(handler);
          const auto waiter = detail::BatchWaiter<std::vector<Tensor>>::make(std::move(handler));
          if (slot.is_connected()) {
            waiter->cancel_by(slot);
          }
          waiter->start(self.make_operation(std::move(given)),
                        [&](const OperationRef& operation) { self.start(operation); });
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
        [](auto handler, Batcher self) {
          detail::BatchWaiter<>::make(std::move(handler))->wait_for([&] {
            return self.start_closing();
          });
        },
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
  OperationRef make_operation(std::vector<Tensor> inputs) const;

  std::shared_ptr<runtime::Batching> impl_;
};

}  // namespace coinfer
