#include "runtime/callback_line.hpp"

#include "runtime/executor.hpp"
#include "runtime/request.hpp"

namespace coinfer::runtime {

void CallbackLine::pass(Request& request, Operation& operation) noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (busy_) {
      waiting_.push_back({request.shared_from_this(), OperationRef{&operation}});
      return;
    }
    busy_ = true;
  }
  const NoBlocking refused;
  request.call_back(operation);
  for (;;) {
    Waiting next;
    {
      const std::lock_guard lock{mutex_};
      if (waiting_.empty()) {
        busy_ = false;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next.request->call_back(*next.operation);
  }
}

}  // namespace coinfer::runtime
