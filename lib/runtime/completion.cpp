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

void Completion::complete(Outcome outcome) noexcept {
  outcome_ = std::move(outcome);
  // A waiter may release the last reference to this object, so its outcome is copied first.
  const Outcome told = outcome_;
  auto* head = head_.exchange(ended(), std::memory_order_acq_rel);
  Continuation* first = nullptr;
  while (head != nullptr) {
    auto* next = head->next;
    head->next = first;
    first = head;
    head = next;
  }
  while (first != nullptr) {
    auto* next = first->next;
    first->fire(first, told);
    first = next;
  }
}

}  // namespace coinfer
