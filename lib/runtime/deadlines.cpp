#include "runtime/deadlines.hpp"

namespace coinfer::runtime {

Deadlines& Deadlines::instance() {
  // Never destroyed: threads that outlive main may still look at it.
  static auto* const only = new Deadlines;
  return *only;
}

void Deadlines::arm(Operation& operation) {
  const std::lock_guard lock{mutex_};
  if (!started()) {
    return;
  }
  intrusive_ptr_add_ref(&operation);
  const auto place = watched_.insert(operation);
  if (place == watched_.begin()) {
    look_again();
  }
}

void Deadlines::disarm(Operation& operation) noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (!operation.deadline_hook.is_linked()) {
      return;
    }
    watched_.erase(watched_.iterator_to(operation));
  }
  intrusive_ptr_release(&operation);
}

std::optional<Deadlines::Time> Deadlines::earliest() const {
  return watched_.empty() ? std::nullopt : watched_.begin()->deadline;
}

void Deadlines::tell_first(std::unique_lock<std::mutex>& lock) {
  auto& operation = *watched_.begin();
  watched_.erase(watched_.begin());
  lock.unlock();
  operation.expire();
  intrusive_ptr_release(&operation);
  lock.lock();
}

}  // namespace coinfer::runtime
