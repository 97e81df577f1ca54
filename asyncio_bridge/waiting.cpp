#include "asyncio_bridge/waiting.hpp"

#include "asyncio_bridge/delivery.hpp"
#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "coinfer/infer_request.hpp"

namespace coinfer::bridge {

bool wait_for(const OperationRef& operation, std::optional<std::chrono::nanoseconds> timeout) {
  if (operation->completion.done()) {
    return true;
  }
  if (on_delivery_thread() && operation->gate != nullptr) {
    throw Error(
        "a callback waits for a run that can only be over after this callback has returned; return "
        "from it, or wait "
        "on another thread");
  }
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (timeout) {
    deadline = std::chrono::steady_clock::now() + *timeout;
  }
  bool raised = false;
  bool done = false;
  {
    const GilReleased released;
    done = wait_until_complete(*operation, deadline, [&raised] {
      const GilTaken taken;
      raised = PyErr_CheckSignals() != 0;
      return raised;
    });
  }
  if (raised) {
    throw PythonError{};
  }
  return done;
}

}  // namespace coinfer::bridge
