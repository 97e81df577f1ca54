#include "coinfer/detail/wake_up.hpp"

#include <utility>

namespace coinfer::detail {
namespace {

thread_local WakeUpsTogether* of_this_thread = nullptr;

}  // namespace

WakeUpsTogether::WakeUpsTogether() noexcept { of_this_thread = this; }

WakeUpsTogether::~WakeUpsTogether() {
  carry_out();
  of_this_thread = nullptr;
}

bool WakeUpsTogether::lives() noexcept { return of_this_thread != nullptr; }

void WakeUpsTogether::put_off(WakeUp& wake_up) noexcept {
  wake_up.next = std::exchange(of_this_thread->first_, &wake_up);
}

void WakeUpsTogether::carry_out() noexcept {
  if (of_this_thread == nullptr) {
    return;
  }
  auto* wake_up = std::exchange(of_this_thread->first_, nullptr);
  while (wake_up != nullptr) {
    // Once it wakes, another thread may put it off.
    auto* const next = wake_up->next;
    wake_up->wake(wake_up);
    wake_up = next;
  }
}

}  // namespace coinfer::detail
