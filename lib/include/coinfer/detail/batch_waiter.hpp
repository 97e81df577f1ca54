#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <exception>
#include <memory>
#include <vector>

#include "coinfer/detail/pending_handler.hpp"
#include "coinfer/operation.hpp"

namespace coinfer::detail {

/// A completion handler that waits for an operation of a batcher, and, when `Results` is a vector
/// of tensors, gets its outputs. Attached, it keeps itself and the operation alive.
template <class... Results>
class BatchWaiter : public Continuation,
                    public std::enable_shared_from_this<BatchWaiter<Results...>> {
 public:
  BatchWaiter() {
    fire = [](Continuation* self, const Outcome& outcome) noexcept {
      static_cast<BatchWaiter*>(self)->ended(outcome);
    };
  }

  template <class Handler>
  static std::shared_ptr<BatchWaiter> make(Handler handler) {
    auto waiter = std::make_shared<BatchWaiter>();
    waiter->handler_.park(std::move(handler));
    return waiter;
  }

  /// A cancellation signal cancels the operation.
  void cancel_by(boost::asio::cancellation_slot slot) {
    slot.assign([weak = this->weak_from_this()](boost::asio::cancellation_type) {
      const auto waiter = weak.lock();
      if (waiter && waiter->operation_) {
        waiter->operation_->cancel();
      }
    });
  }

  /// Waits for the operation, which `start` starts; what that throws the handler is told.
  template <class Start>
  void start(OperationRef operation, Start start) noexcept {
    self_ = this->shared_from_this();
    operation_ = std::move(operation);
    operation_->completion.attach(*this);
    try {
      start(operation_);
    } catch (...) {
      end_soon(std::current_exception());
    }
  }
  /// Waits for the operation, started or over, that `begin` gives; what it throws the handler is
  /// told.
  template <class Begin>
  void wait_for(Begin begin) noexcept {
    self_ = this->shared_from_this();
    try {
      operation_ = begin();
    } catch (...) {
      end_soon(std::current_exception());
      return;
    }
    if (!operation_->completion.attach(*this)) {
      end_soon(operation_->completion.outcome().error);
    }
  }

 private:
  void ended(const Outcome& outcome) noexcept {
    const auto self = std::move(self_);
    handler_.complete(outcome.error,
                      outcome.error ? Results{} : Results(std::move(operation_->outputs))...);
  }
  void end_soon(std::exception_ptr error) noexcept {
    const auto self = std::move(self_);
    handler_.complete_later(std::move(error), Results{}...);
  }

  PendingHandler<std::exception_ptr, Results...> handler_;
  OperationRef operation_;
  std::shared_ptr<BatchWaiter> self_;  // while the operation may call
};

}  // namespace coinfer::detail
