#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <exception>
#include <memory>

#include "coinfer/detail/pending_handler.hpp"
#include "coinfer/operation.hpp"

namespace coinfer::detail {

/// A completion handler that waits for the end of a run. Attached, it keeps itself alive.
/// *Thread safety*: `detach`: any thread; all else before it is attached.
class RunWaiter : public Continuation, public std::enable_shared_from_this<RunWaiter> {
 public:
  RunWaiter();

  template <class Handler>
  static std::shared_ptr<RunWaiter> make(Handler handler) {
    auto waiter = std::allocate_shared<RunWaiter>(boost::asio::recycling_allocator<RunWaiter>{});
    waiter->handler_.park(std::move(handler));
    return waiter;
  }

  /// A cancellation signal cancels the run.
  void cancel_run_by(boost::asio::cancellation_slot slot) {
    slot.assign([weak = weak_from_this()](boost::asio::cancellation_type) {
      const auto waiter = weak.lock();
      if (waiter && waiter->run_) {
        waiter->run_->cancel();
      }
    });
  }
  /// A cancellation signal ends the wait; the run goes on.
  void detach_by(boost::asio::cancellation_slot slot) {
    slot.assign([weak = weak_from_this()](boost::asio::cancellation_type) {
      if (const auto waiter = weak.lock()) {
        waiter->detach();
      }
    });
  }

  /// Waits for `run`, which may be null or over: then the handler is called soon.
  void wait_for(OperationRef run);
  /// The run is started with this as continuation, which is attached by whoever starts it; `place`
  /// is where its reference goes.
  OperationRef& about_to_start() noexcept;
  /// It was not started.
  void not_started(std::exception_ptr error) noexcept;

 private:
  void ended(const Outcome& outcome) noexcept;
  void detach() noexcept;

  PendingHandler<std::exception_ptr> handler_;
  OperationRef run_;
  std::shared_ptr<RunWaiter> self_;  // while a run may call
};

}  // namespace coinfer::detail
