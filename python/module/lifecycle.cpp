#include "module/lifecycle.hpp"

#include <Python.h>

#include <boost/python.hpp>

#include "asyncio_bridge/delivery.hpp"
#include "asyncio_bridge/future.hpp"
#include "asyncio_bridge/gil.hpp"
#include "asyncio_bridge/loop_waker.hpp"
#include "coinfer/profiling.hpp"
#include "coinfer/runtime.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

/// The atexit hook: nothing starts any more, what runs stops at its next step, threads are joined.
void shut_down() {
  if (forked_after_use()) {
    // Threads and locks are the parent's.
    bridge::stop_garbage();
    return;
  }
  bridge::stop_delivery();
  bridge::loop_waker::stop();
  bridge::exiting::begin();
  {
    const bridge::GilReleased released;
    shutdown();
  }
  bridge::empty_garbage();
  bridge::stop_garbage();
}

bp::dict live() {
  bridge::empty_garbage();
  const auto objects = live_objects();
  bp::dict counts;
  counts["operations"] = objects.operations;
  counts["requests"] = objects.requests;
  counts["compiled_models"] = objects.compiled_models;
  counts["tickets"] = bridge::live_tickets();
  counts["kept_objects"] = bridge::kept_objects();
  return counts;
}

}  // namespace

namespace {

void start_trace(const std::string& path) {
  const bridge::GilReleased released;
  trace::start(path);
}

/// Writing a long trace takes a while.
void stop_trace() {
  const bridge::GilReleased released;
  trace::stop();
}

}  // namespace

void register_lifecycle() {
  bp::def("_shutdown", shut_down,
          "Ends all threads; nothing can be started afterwards. Called at exit.");
  // Registered at import, so that it runs after the hooks of whoever imports this later.
  const bp::object hook = bp::scope().attr("_shutdown");
  bp::import("atexit").attr("register")(hook);
  bp::def("_start_trace", start_trace, bp::arg("path"), "See coinfer.trace.");
  bp::def("_stop_trace", stop_trace, "See coinfer.trace.");
  bp::def("_live_objects", live, "Native objects alive, by kind.");
}

}  // namespace coinfer::python
