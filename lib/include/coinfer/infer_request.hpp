#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "coinfer/error.hpp"
#include "coinfer/model.hpp"
#include "coinfer/operation.hpp"

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

  /// Runs on the calling thread. Throws what the run failed with.
  void infer();
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
  /// request may be started again in it. What it throws is thrown by the first `wait`.
  void set_callback(std::function<void(std::exception_ptr)> callback);

  bool busy() const;
  /// Throws RequestBusy naming the model when a run is in flight.
  void check_idle() const;
  /// The last started run; null before the first.
  OperationRef current() const;
  CompiledModel compiled_model() const;
  const std::vector<PortRef>& model_inputs() const;
  const std::vector<PortRef>& model_outputs() const;

  /// Starts a run and completes with its outcome. *Completion signature*: void(std::exception_ptr).
  /// *Cancellation*: total, partial and terminal all cancel the run, which completes with
  /// Cancelled. The handler runs on its associated executor; without one on the stream's thread,
  /// where it must not block. Never completes before it returned. Thread safety: see the class.
  template <class Token>
  auto async_infer(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, InferRequest request) { initiate(std::move(handler), request, true); },
        token, *this);
  }

  /// Completes when the run in flight is over, at once when idle. Same signature and rules as
  /// `async_infer`, without cancellation: the run is waited for.
  template <class Token>
  auto async_wait(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(
        [](auto handler, InferRequest request) { initiate(std::move(handler), request, false); },
        token, *this);
  }

  const std::shared_ptr<runtime::Request>& impl() const { return impl_; }
  explicit operator bool() const noexcept { return impl_ != nullptr; }
  friend bool operator==(const InferRequest&, const InferRequest&) noexcept = default;

 private:
  template <class Handler>
  struct Waiter;
  template <class Handler>
  static void initiate(Handler handler, InferRequest& request, bool starts);

  std::shared_ptr<runtime::Request> impl_;
};

/// A handler that waits for a run, in memory of the handler's allocator.
template <class Handler>
struct InferRequest::Waiter : Continuation {
  using Executor = boost::asio::associated_executor_t<Handler>;
  using Allocator = typename std::allocator_traits<
      boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<Waiter>;

  Handler handler;
  boost::asio::executor_work_guard<Executor> work;

  explicit Waiter(Handler given)
      : handler{std::move(given)}, work{boost::asio::get_associated_executor(handler)} {
    fire = [](Continuation* self, const Outcome& outcome) noexcept {
      static_cast<Waiter*>(self)->finish(outcome.error, false);
    };
  }

  static Waiter* make(Handler handler) {
    Allocator allocator{boost::asio::get_associated_allocator(handler)};
    auto* memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
    return new (memory) Waiter{std::move(handler)};
  }

  /// Frees the memory first, as Asio asks of asynchronous operations, then calls the handler.
  void finish(std::exception_ptr error, bool from_initiation) {
    Handler moved{std::move(handler)};
    auto guard = std::move(work);
    Allocator allocator{boost::asio::get_associated_allocator(moved)};
    this->~Waiter();
    std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
    auto executor = guard.get_executor();
    auto call = [moved = std::move(moved), error = std::move(error)]() mutable {
      boost::asio::get_associated_cancellation_slot(moved).clear();
      std::move(moved)(std::move(error));
    };
    if (from_initiation) {
      boost::asio::post(executor, std::move(call));
    } else {
      boost::asio::dispatch(executor, std::move(call));
    }
  }
};

template <class Handler>
void InferRequest::initiate(Handler handler, InferRequest& request, bool starts) {
  auto slot = boost::asio::get_associated_cancellation_slot(handler);
  auto* waiter = Waiter<Handler>::make(std::move(handler));
  if (!starts) {
    auto operation = request.current();
    if (!operation || !operation->completion.attach(*waiter)) {
      waiter->finish(nullptr, true);
    }
    return;
  }
  try {
    if (!slot.is_connected()) {
      request.start({.continuation = waiter});
      return;
    }
    // Assigned before the start, because the handler may run, and clear the slot, at once.
    slot.assign([request](boost::asio::cancellation_type) mutable { request.cancel(); });
    request.start({.continuation = waiter});
  } catch (...) {
    waiter->finish(std::current_exception(), true);
  }
}

}  // namespace coinfer
