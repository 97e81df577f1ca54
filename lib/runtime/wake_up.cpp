#include "coinfer/detail/wake_up.hpp"

#include <utility>

namespace coinfer::detail {
namespace {

thread_local WakeUpsTogether* of_this_thread = nullptr;

}  // namespace

WakeUpsTogether::WakeUpsTogether() noexcept : outer_{std::exchange(of_this_thread, this)} {}

WakeUpsTogether::~WakeUpsTogether() {
  carry_out();
  of_this_thread = outer_;
}

WakeUpsTogether* WakeUpsTogether::current() noexcept { return of_this_thread; }

void WakeUpsTogether::put_off(WakeUp& wake_up) noexcept {
  wake_up.next = std::exchange(first_, &wake_up);
}

void WakeUpsTogether::carry_out() noexcept {
  auto* wake_up = std::exchange(first_, nullptr);
  while (wake_up != nullptr) {
    // Once it wakes, another thread may put it off.
    auto* const next = wake_up->next;
    wake_up->wake(wake_up);
    wake_up = next;
  }
}

WakeUpsTogether::Interruption::Interruption() noexcept
    : interrupted_{std::exchange(of_this_thread, nullptr)} {
  if (interrupted_ != nullptr) {
    interrupted_->carry_out();
  }
}

WakeUpsTogether::Interruption::~Interruption() { of_this_thread = interrupted_; }

}  // namespace coinfer::detail
