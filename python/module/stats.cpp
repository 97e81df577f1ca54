#include "module/stats.hpp"

#include <boost/python.hpp>

#include "asyncio_bridge/channel.hpp"
#include "asyncio_bridge/delivery.hpp"
#include "asyncio_bridge/future.hpp"
#include "coinfer/runtime.hpp"
#include "module/exceptions.hpp"
#include "module/infer_request.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

bp::dict of_request(PyInferRequest& request) {
  const auto operation = request.request().current();
  const auto stamps = operation ? operation->stamps() : Stamps{};
  const auto ns = [](std::chrono::steady_clock::time_point time) {
    return static_cast<std::int64_t>(time.time_since_epoch() / std::chrono::nanoseconds{1});
  };
  bp::dict stations;
  stations["queued"] = ns(stamps.queued);
  stations["started"] = ns(stamps.started);
  stations["finished"] = ns(stamps.finished);
  stations["delivered"] = ns(stamps.delivered);
  stations["thread"] = stamps.thread;
  return stations;
}

bp::list of_loops() {
  bp::list loops;
  for (const auto* channel : bridge::open_channels()) {
    bp::dict counts;
    counts["letters"] = channel->counts().letters;
    counts["drains"] = channel->counts().drains;
    loops.append(counts);
  }
  return loops;
}

bp::dict of_process() {
  const auto now = stats();
  const auto delivery = bridge::delivery_counts();
  bp::dict counts;
  counts["started"] = now.runs.started;
  counts["finished"] = now.runs.finished;
  counts["failed"] = now.runs.failed;
  counts["cancelled"] = now.runs.cancelled;
  counts["in_flight"] = now.in_flight;
  counts["queued"] = now.queued;
  counts["leases"] = now.leases;
  counts["workers"] = now.workers;
  counts["slots"] = now.slots;
  counts["free_slots"] = now.free_slots;
  counts["operations"] = now.live.operations;
  counts["requests"] = now.live.requests;
  counts["compiled_models"] = now.live.compiled_models;
  counts["awaits"] = bridge::live_tickets();
  counts["kept_objects"] = bridge::kept_objects();
  counts["garbage"] = bridge::garbage_waiting();
  counts["callbacks"] = delivery.called;
  counts["callbacks_waiting"] = delivery.waiting;
  counts["loops"] = of_loops();
  return counts;
}

bp::dict stats_of(const bp::object& request) {
  if (request.is_none()) {
    return of_process();
  }
  const bp::extract<PyInferRequest&> known{request};
  if (!known.check()) {
    throw_type_error("stats() takes an InferRequest, or nothing");
  }
  return of_request(known());
}

constexpr const char* stats_doc =
    R"(Of a request: when its last run was "queued", "started", "finished" and "delivered" (its callback had
returned and waiters were told), in nanoseconds on the clock of time.monotonic_ns(), and the native id of the
"thread" that began to compute it; 0 for what has not been.

Without one: counts of the whole process.

started, finished, failed, cancelled    inferences so far; one whose timeout passed while it waited for a
                                        stream is among the cancelled
in_flight, queued                       inferences now: not ended, and of these waiting for a stream
leases                                  streams at work
workers                                 native threads that run queued inferences
slots, free_slots                       compute threads that may work at once, and of these not leased
operations, requests, compiled_models   native objects alive; a compiled model keeps up to 256 operations of
                                        ended awaits for the next ones
awaits                                  futures that wait for an inference
kept_objects, garbage                   Python objects kept for native code; things dropped by native threads and
                                        not released yet
callbacks, callbacks_waiting            handed to the callbacks' thread so far; not yet taken by it
loops                                   of each event loop that awaited: "letters", completions it received,
                                        and "drains", how often it was woken for them

Thread safety: safe at any time, also while inferences run. Raises coinfer.Error in a child forked after use.)";

}  // namespace

void register_stats() {
  bp::def("stats", stats_of, (bp::arg("request") = bp::object{}), stats_doc);
}

}  // namespace coinfer::python
