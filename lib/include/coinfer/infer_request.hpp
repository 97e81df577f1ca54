#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "coinfer/detail/run_waiter.hpp"
#include "coinfer/error.hpp"
#include "coinfer/model.hpp"
#include "coinfer/operation.hpp"
#include "coinfer/profiling_info.hpp"
#include "coinfer/variable_state.hpp"

namespace coinfer {

class CompiledModel;

namespace runtime {
class Request;
}

/// Blocks until the run and its callback are over. False when the deadline passed, or when
/// `interrupted`, asked every 100 ms and after each signal, said so. The run goes on then.
bool wait_until_complete(Operation& operation,
                         std::optional<std::chrono::steady_clock::time_point> deadline,
                         const std::function<bool()>& interrupted);

/// How a run is started.
struct StartOptions {
  bool publish_copies = false;  ///< see Operation
  int priority = 0;
  /// When the run is stopped, if it has not ended: it fails with DeadlineExceeded.
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
  Continuation* continuation = nullptr;  ///< attached before the run can end
  Continuation* second = nullptr;        ///< the same, after `continuation`
  Gate* gate = nullptr;                  ///< instead of the request's own callback
  OperationRef* operation = nullptr;     ///< set to the run before it starts
};

/// Inputs, outputs and at most one run in flight of a compiled model. A handle.
/// *Thread safety*: distinct requests: safe. Shared requests: `wait`, `wait_for`, `cancel`,
/// `async_wait` and `stamps` are safe at any time; all others throw RequestBusy while a run is in
/// flight, and must not be called concurrently with each other.
class InferRequest {
 public:
  InferRequest() = default;
  explicit InferRequest(std::shared_ptr<runtime::Request> impl) : impl_{std::move(impl)} {}

  /// The tensor that input `index` reads. Of a model with static shapes it is there from the start.
  Tensor input_tensor(std::size_t index) const;
  Tensor output_tensor(std::size_t index) const;
  /// Reads from this tensor from now on, zero-copy. Throws Error naming the input for a wrong
  /// element type or shape.
  void set_input_tensor(std::size_t index, Tensor tensor);
  /// Goes back to a tensor of the request's own, shaped as given, and returns it to be written.
  Tensor own_input_tensor(std::size_t index, const Shape& shape);
  void set_output_tensor(std::size_t index, Tensor tensor);
  /// Input or output by tensor name.
  Tensor tensor(std::string_view name) const;
  void set_tensor(std::string_view name, Tensor tensor);

  /// Runs on the calling thread. Throws what the run failed with, Cancelled when it waited for a
  /// stream and `interrupted`, asked every 100 ms and after each signal, said so.
  void infer(const std::function<bool()>& interrupted = {});
  /// Starts the run on a stream's thread; throws RequestBusy when one is in flight.
  void start_async();
  OperationRef start(const StartOptions& options);
  /// Blocks until the run in flight and its callback are over; throws what it failed with. Any
  /// number of threads may wait. At once when idle: then the last run's failure is not thrown
  /// again.
  void wait();
  /// True when it is over.
  bool wait_for(std::chrono::milliseconds timeout);
  /// The run in flight ends with Cancelled; nothing when idle.
  void cancel();
  /// Called on the stream's thread after each asynchronous run, before waiters are told; the
  /// request may be started again in it. Calls never overlap: a run that ends during the call for
  /// an earlier one is called for afterwards, on the thread of that call. Blocking calls in it are
  /// refused. What it throws is thrown by the first `wait`.
  void set_callback(std::function<void(std::exception_ptr)> callback);

  bool busy() const;
  /// Throws RequestBusy naming the model when a run is in flight.
  void check_idle() const;
  /// The last started run; null before the first.
  OperationRef current() const;
  /// One for each variable of the model. Throws RequestBusy while a run is in flight.
  std::vector<VariableState> query_state() const;
  /// The next inference reads the initial values of all variables.
  void reset_state();
  CompiledModel compiled_model() const;
  /// What each node took in the last run, in the order of execution; times are there when the model
  /// was compiled with PERF_COUNT, which else costs nothing. Throws RequestBusy.
  std::vector<ProfilingInfo> profiling_info() const;
  const std::vector<PortRef>& model_inputs() const;
  const std::vector<PortRef>& model_outputs() const;

  /// Starts a run and completes with its outcome. *Completion signature*: void(std::exception_ptr).
  /// *Cancellation*: total, partial and terminal all cancel the run, which completes with
  /// Cancelled, or with its result when that was faster. The handler runs through its associated
  /// executor; without one on the stream's thread, where it must not block. Its associated
  /// allocator gives the memory in which it waits. Never completes before this has returned. When
  /// the handler's execution context is destroyed first, so is the handler; the run goes on.
  /// Thread safety: see the class; a cancellation signal is emitted where the handler runs.
  template <class Token>
  auto async_infer(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, InferRequest request) {
          const auto slot = boost::asio::get_associated_cancellation_slot(handler);
          const auto waiter = detail::RunWaiter::make(std::move(handler));
          if (slot.is_connected()) {
            waiter->cancel_run_by(slot);
          }
          request.start_with(*waiter);
        },
        token, *this);
  }

  /// Completes when the run in flight is over, with its outcome; at once when idle. *Completion
  /// signature*: void(std::exception_ptr). *Cancellation*: total, partial and terminal detach: the
  /// run goes on, the wait completes with boost::asio::error::operation_aborted. Otherwise as
  /// `async_infer`; any number of waits may be pending.
  template <class Token>
  auto async_wait(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, const InferRequest& request) {
          const auto slot = boost::asio::get_associated_cancellation_slot(handler);
          const auto waiter = detail::RunWaiter::make(std::move(handler));
          if (slot.is_connected()) {
            waiter->detach_by(slot);
          }
          waiter->wait_for(request.current());
        },
        token, *this);
  }

  const std::shared_ptr<runtime::Request>& impl() const { return impl_; }
  explicit operator bool() const noexcept { return impl_ != nullptr; }
  friend bool operator==(const InferRequest&, const InferRequest&) noexcept = default;

 private:
  /// What cannot start is told to the waiter.
  void start_with(detail::RunWaiter& waiter);

  std::shared_ptr<runtime::Request> impl_;
};

}  // namespace coinfer
