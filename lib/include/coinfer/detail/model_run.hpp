#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <exception>
#include <memory>
#include <vector>

#include "coinfer/detail/pending_handler.hpp"
#include "coinfer/operation.hpp"

namespace coinfer::detail {

/// A run without a request, and the completion handler that gets its results. Started, it keeps
/// itself alive.
class ModelRun : public Continuation, public std::enable_shared_from_this<ModelRun> {
 public:
  ModelRun();
  virtual ~ModelRun() = default;
  ModelRun(const ModelRun&) = delete;
  ModelRun& operator=(const ModelRun&) = delete;

  template <class Handler>
  void park(Handler handler) {
    handler_.park(std::move(handler));
  }
  /// A cancellation signal calls `cancel`.
  void cancel_by(boost::asio::cancellation_slot slot) {
    slot.assign([weak = weak_from_this()](boost::asio::cancellation_type) {
      if (const auto run = weak.lock()) {
        run->cancel();
      }
    });
  }

  /// Throws Error naming the input when the tensors do not suit the model.
  void prepare(const std::shared_ptr<runtime::Compiled>& model, std::vector<Tensor> inputs);
  /// Once prepared. False when it could not start, which the handler is told.
  bool start() noexcept;
  virtual void cancel() noexcept;
  /// The handler is called with an error, soon.
  void fail(std::exception_ptr error) noexcept;
  /// Does anybody still wait for the results?
  bool wanted() const noexcept { return handler_.pending(); }

 protected:
  /// Called when a run that was started is over, before the handler.
  virtual void ended() noexcept {}

 private:
  PendingHandler<std::exception_ptr, std::vector<Tensor>> handler_;
  OperationRef run_;
  std::shared_ptr<ModelRun> self_;  // while the run may call
};

}  // namespace coinfer::detail
