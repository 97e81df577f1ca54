#include "coinfer/completion.hpp"

namespace coinfer {

bool Completion::attach(Continuation& continuation) noexcept {
  auto* head = head_.load(std::memory_order_acquire);
  do {
    if (head == ended()) {
      return false;
    }
    continuation.next = head;
  } while (!head_.compare_exchange_weak(head, &continuation, std::memory_order_release,
                                        std::memory_order_acquire));
  return true;
}

void Waiters::tell(const Outcome& outcome) const noexcept {
  for (auto* waiter = first; waiter != nullptr;) {
    auto* const next = waiter->next;
    waiter->fire(waiter, outcome);
    waiter = next;
  }
}

Waiters Completion::end(Outcome outcome) noexcept {
  outcome_ = std::move(outcome);
  auto* head = head_.exchange(ended(), std::memory_order_acq_rel);
  Waiters waiters;
  while (head != nullptr) {
    auto* const next = head->next;
    head->next = waiters.first;
    waiters.first = head;
    waiters.quick = waiters.quick && head->quick;
    head = next;
  }
  return waiters;
}

void Completion::complete(Outcome outcome) noexcept {
  // A waiter may release the last reference to this object, so its outcome is copied first.
  const Outcome told = outcome;
  end(std::move(outcome)).tell(told);
}

}  // namespace coinfer
