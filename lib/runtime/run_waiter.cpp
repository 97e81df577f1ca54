#include "coinfer/detail/run_waiter.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace coinfer::detail {

RunWaiter::RunWaiter() {
  fire = [](Continuation* self, const Outcome& outcome) noexcept {
    static_cast<RunWaiter*>(self)->ended(outcome);
  };
}

void RunWaiter::ended(const Outcome& outcome) noexcept {
  const auto self = std::move(self_);
  const auto run = run_;
  if (handler_.pending()) {
    run->observe();
  }
  handler_.complete(outcome.error);
}

void RunWaiter::detach() noexcept {
  handler_.complete_later(
      std::make_exception_ptr(boost::system::system_error{boost::asio::error::operation_aborted}));
}

OperationRef& RunWaiter::about_to_start() noexcept {
  self_ = shared_from_this();
  return run_;
}

void RunWaiter::not_started(std::exception_ptr error) noexcept {
  const auto self = std::move(self_);
  run_ = nullptr;
  handler_.complete_later(std::move(error));
}

void RunWaiter::wait_for(OperationRef run) {
  self_ = shared_from_this();
  run_ = std::move(run);
  if (!run_ || !run_->completion.attach(*this)) {
    not_started(nullptr);
  }
}

}  // namespace coinfer::detail
