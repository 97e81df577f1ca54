#pragma once

#include <any>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "coinfer/compiled_model.hpp"
#include "coinfer/detail/model_run.hpp"

namespace coinfer {

namespace runtime {
class QueueState;
}

/// A pool of requests of one model: an inference waits until one of them is idle, so that no more
/// are in flight than there are requests. First come, first served, whether the wait blocks or not.
/// *Thread safety*: shared objects: safe, except for destroying. Destroying a queue ends the waits
/// of `async_infer` with Cancelled; what is in flight goes on.
class InferQueue {
 public:
  /// `jobs` requests; 0: as many as run best (OPTIMAL_NUMBER_OF_INFER_REQUESTS).
  explicit InferQueue(const CompiledModel& model, std::size_t jobs = 0);
  ~InferQueue();
  InferQueue(InferQueue&&) noexcept = default;
  InferQueue& operator=(InferQueue&&) = delete;

  std::size_t size() const noexcept;
  /// Throws Error when there is no such request. While the queue runs it, its tensors may be read
  /// in the callback only.
  InferRequest operator[](std::size_t index) const;
  /// Is any request idle?
  bool is_ready() const;

  /// Runs the model on tensors, one an input, as soon as a request is idle, and gives one tensor an
  /// output, which is the caller's alone; the request's own tensors are not touched. *Completion
  /// signature*: void(std::exception_ptr, std::vector<Tensor>). *Cancellation*, total, partial and
  /// terminal: ends the wait or cancels the run; completes with Cancelled. Otherwise as
  /// CompiledModel::async_infer. What fails is not told to `wait_all`.
  template <class Token>
  auto async_infer(std::vector<Tensor> inputs, Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, std::vector<Tensor>)>(
        [](auto handler, const std::shared_ptr<runtime::QueueState>& state,
           std::vector<Tensor> given) {
          const auto slot = boost::asio::get_associated_cancellation_slot(handler);
          const auto run = queued_run(state);
          run->park(std::move(handler));
          if (slot.is_connected()) {
            run->cancel_by(slot);
          }
          start(state, *run, std::move(given));
        },
        token, state_, std::move(inputs));
  }

  /// Blocks until a request is idle, sets its inputs and starts it. Throws Error for inputs that do
  /// not suit the model, and on a stream's thread when it would have to block. `userdata` is for
  /// the callback.
  void start_async(std::vector<Tensor> inputs, std::any userdata = {});
  /// Blocks until no request is in flight, nobody waits for one, and callbacks have returned.
  /// Throws the first error of an inference started by `start_async`, or of its callback, since the
  /// last call. Error on a stream's thread.
  void wait_all();
  /// Called after each inference that `start_async` started and that finished, on its stream's
  /// thread or, since calls never overlap, on the one that has just called it for another; it must
  /// not block, and blocking calls in it are refused. Throws RequestBusy while one of the requests
  /// is in flight.
  void set_callback(std::function<void(InferRequest&, std::any&)> callback);

 private:
  static std::shared_ptr<detail::ModelRun> queued_run(
      const std::shared_ptr<runtime::QueueState>& state);
  static void start(const std::shared_ptr<runtime::QueueState>& state, detail::ModelRun& run,
                    std::vector<Tensor> inputs);

  std::shared_ptr<runtime::QueueState> state_;
};

}  // namespace coinfer
