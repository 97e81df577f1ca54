#include "module/async_methods.hpp"

#include "coinfer/runtime.hpp"
#include "module/async.hpp"
#include "module/compiled_model.hpp"
#include "module/hot_method.hpp"

namespace coinfer::python {
namespace {

using bridge::PyRef;

struct Given {
  AsyncCall call;
  PyObject* userdata = nullptr;
};

Given parse(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const Parameters<7> parameters{"infer_async",
                                        4,
                                        {"inputs", "userdata", "share_inputs", "share_outputs",
                                         "decode_strings", "timeout", "priority"}};
  const auto values = parameters.parse(args, count, keywords);
  return {{.inputs = values[0],
           .share_inputs = flag(values[2], false),
           .share_outputs = flag(values[3], false),
           .decode_strings = flag(values[4], true),
           .timeout = values[5],
           .priority = priority_of(values[6])},
          values[1]};
}

constexpr const char* request_doc =
    R"(infer_async($self, /, inputs=None, userdata=None, share_inputs=False, share_outputs=False, *, decode_strings=True, timeout=None, priority=0)
--

Starts an inference, at the call, and returns an asyncio.Future of its results, an OVDict.

inputs          as for `infer`; with share_inputs C-contiguous arrays of the input's element type are read
                where they are, and kept alive until the run is idle, also after a cancelled await
userdata        what the request's callback is given
share_outputs   results are views of the request's output memory, which its next inference changes;
                else arrays of their own, copied off the GIL
decode_strings  string outputs as arrays of kind U, else S
timeout         seconds, after which the inference is stopped and DeadlineExceeded (a TimeoutError) raised
priority        -1000 to 1000; higher ones go first among the waiting runs of one model

The future belongs to the running loop; create_task and TaskGroup take it too. Cancelling it
cancels the inference: the request may be started again at once. The computation never runs on the loop's
thread and never takes the GIL.

Raises, at the call, RequestBusy while a run is in flight, and what `infer` raises for bad inputs; from the
await, what the inference failed with. Thread safety: not for one request from two threads at once.)";

constexpr const char* model_doc =
    R"(infer_async($self, /, inputs=None, userdata=None, share_inputs=False, share_outputs=False, *, decode_strings=True, timeout=None, priority=0)
--

Starts an inference, at the call, and returns an asyncio.Future of its results, an OVDict.

As InferRequest.infer_async, without a request to be busy: any number may be in flight, from any number of
tasks and threads, and every one of the `inputs` must be given. `share_inputs`, `decode_strings`, `timeout` (in
seconds) and `priority` are as there. The results are always arrays of the caller's own; `userdata` and
`share_outputs` change nothing. Thread safety: any number of threads and loops at once.)";

constexpr const char* queue_doc =
    R"(infer_async($self, /, inputs=None, userdata=None, share_inputs=False, share_outputs=False, *, decode_strings=True, timeout=None, priority=0)
--

Runs an inference on a request of the queue as soon as one is idle, first come, first served, and returns an
asyncio.Future of its results, an OVDict.

`inputs`, `share_inputs`, `decode_strings`, `timeout` (in seconds, waiting for a request included) and `priority`
are as for InferRequest.infer_async; `userdata` is what the queue's callback is given. Bad inputs are refused at
the call. With `share_outputs` results are views that the request's next run changes. A future cancelled while it
waits leaves the queue as it was. Thread safety: any number of threads and loops at once.)";

constexpr const char* batcher_doc =
    R"(infer_async($self, /, inputs=None, userdata=None, share_inputs=False, share_outputs=False, *, decode_strings=True, timeout=None, priority=0)
--

Infers one or more rows together with other requests, and returns an asyncio.Future of the results, an OVDict.

Every one of the `inputs` must be given, of shape [rows, ...] with equal numbers of rows, 1 to `max_batch`; bad inputs are
refused at the call and disturb nobody. Otherwise as CompiledModel.infer_async: from any number of tasks, loops
and threads; results are arrays of the caller's own; a cancelled one drops out, and its batch is stopped when
all of it are. `priority` decides who goes first when more wait than fit into a run; `timeout`, in seconds, counts
from the call; `share_inputs` keeps arrays where they are until their rows are copied into the batch;
`decode_strings` is as there, `userdata` and `share_outputs` change nothing.)";

constexpr const char* open_doc =
    R"(_open($self, /)
--

Runs every size of batch once; a future of the running loop that is done, with None, when that is over.)";

constexpr const char* close_doc =
    R"(_close($self, /)
--

Refuses requests from now on; a future of the running loop that is done, with None, when all are over.)";

constexpr const char* await_doc =
    R"(__await__($self, /)
--

`await request`: until the run that start_async started, and its callback, are over. None, at once when idle;
raises what the run failed with. Cancelling it leaves the run alone.)";

PyObject* request_infer_async(PyObject* self, PyObject* const* args, Py_ssize_t count,
                              PyObject* keywords) {
  return guarded([&] {
    auto& request = self_as<PyInferRequest>(self);
    const auto given = parse(args, count, keywords);
    return infer_async(self, request, given.call, given.userdata);
  });
}

PyObject* model_infer_async(PyObject* self, PyObject* const* args, Py_ssize_t count,
                            PyObject* keywords) {
  return guarded([&] {
    auto& model = self_as<PyCompiledModel>(self);
    const auto given = parse(args, count, keywords);
    return infer_async(self, model.ports(), model.spare_operations, given.call);
  });
}

PyObject* queue_infer_async(PyObject* self, PyObject* const* args, Py_ssize_t count,
                            PyObject* keywords) {
  return guarded([&] {
    const auto given = parse(args, count, keywords);
    return infer_async(self, self_as<PyAsyncInferQueue>(self), given.call, given.userdata);
  });
}

PyObject* batcher_infer_async(PyObject* self, PyObject* const* args, Py_ssize_t count,
                              PyObject* keywords) {
  return guarded([&] {
    const auto given = parse(args, count, keywords);
    return infer_async(self, self_as<PyBatcher>(self), given.call);
  });
}

PyObject* batcher_open(PyObject* self, PyObject* const*, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    check_no_arguments("_open", count, keywords);
    check_not_forked();
    return await_operation(self, self_as<PyBatcher>(self).batcher().start_opening());
  });
}

PyObject* batcher_close(PyObject* self, PyObject* const*, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    check_no_arguments("_close", count, keywords);
    return await_operation(self, self_as<PyBatcher>(self).batcher().start_closing());
  });
}

PyObject* request_await(PyObject* self, PyObject* const*, Py_ssize_t, PyObject*) {
  return guarded([&]() -> PyObject* {
    const auto future = PyRef::steal(observe(self, self_as<PyInferRequest>(self)));
    return future ? PyObject_CallMethod(future.get(), "__await__", nullptr) : nullptr;
  });
}

PyObject* class_named(const char* name) {
  const boost::python::object found = boost::python::scope().attr(name);
  return found.ptr();
}

}  // namespace

void register_async_methods() {
  add_hot_method(class_named("InferRequest"), "infer_async", request_infer_async, request_doc);
  add_hot_method(class_named("AsyncInferQueue"), "infer_async", queue_infer_async, queue_doc);
  add_hot_method(class_named("_Batcher"), "infer_async", batcher_infer_async, batcher_doc);
  add_hot_method(class_named("_Batcher"), "_open", batcher_open, open_doc);
  add_hot_method(class_named("_Batcher"), "_close", batcher_close, close_doc);
  add_hot_method(class_named("InferRequest"), "__await__", request_await, await_doc);
  add_hot_method(class_named("CompiledModel"), "infer_async", model_infer_async, model_doc);
}

}  // namespace coinfer::python
