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

Starts an inference, at the call, and returns an asyncio.Future of its results, an OVDict: a numpy array for each output.

inputs          None (run with what is set) | dict by name, index or port | list | tuple | one array, Tensor,
                scalar or string for a model with one input. What is not given stays as set. A value is a
                Tensor, an ndarray, anything with __array__, the buffer protocol or DLPack, a scalar or a
                list; its shape has to suit the input's, other numeric types are cast silently to the input's.
userdata        what the request's callback is given
share_inputs    read C-contiguous arrays of the input's element type where they are: they are kept alive until
                the run is idle, also after a cancelled await, and must not be changed before; else all values
                are copied at the call
share_outputs   results are views of the request's output memory, which its next inference changes;
                else arrays of their own, copied off the GIL
decode_strings  string outputs as arrays of kind U, else S
timeout         seconds from the call, a number >= 0, after which the inference is stopped; None for no limit
priority        -1000 to 1000; higher ones go first among the waiting runs of one model

The future belongs to the loop that runs at the call and is awaited there, also by gather, wait, wait_for, shield
and asyncio.timeout; create_task and TaskGroup take it too. Cancelling it, or what awaits it, cancels the inference:
it leaves the queue, or stops at the next step, and the request may be started again at once. The computation
never runs on the loop's thread and never takes the GIL.

Raises at the call, without starting anything:
  RequestBusy   an inference of this request is in flight
  RuntimeError  naming the input, for an unknown name or index, a wrong shape or too many inputs; when no loop is
                running; in a callback, which would have to return first
  TypeError     for a value that is no number or string, a timeout or a priority that is no number
  ValueError    for a timeout or a priority out of range, and lists whose parts differ in length
Raises from the await:
  CancelledError    the await was cancelled
  Cancelled         `cancel()` of the request stopped the inference
  DeadlineExceeded  (a TimeoutError) the timeout passed
  what the request's callback raised; RuntimeError naming the node where the inference failed

Thread safety: not for one request from two threads at once; different requests from any number of threads and loops.)";

constexpr const char* model_doc =
    R"(infer_async($self, /, inputs=None, userdata=None, share_inputs=False, share_outputs=False, *, decode_strings=True, timeout=None, priority=0)
--

Starts an inference, at the call, and returns an asyncio.Future of its results, an OVDict: a numpy array for each output.
There is no request to be busy: any number may be in flight, from any number of tasks.

inputs          dict by name, index or port | list | tuple | one array, Tensor, scalar or string for a model
                with one input; every input has to be given. A value is a Tensor, an ndarray, anything with
                __array__, the buffer protocol or DLPack, a scalar or a list; its shape has to suit the
                input's, other numeric types are cast silently to the input's.
share_inputs    read C-contiguous arrays of the input's element type where they are: they are kept alive until
                the run is over, also after a cancelled await, and must not be changed before; else all values
                are copied at the call
decode_strings  string outputs as arrays of kind U, else S
timeout         seconds from the call, a number >= 0, after which the inference is stopped; None for no limit
priority        -1000 to 1000; higher ones go first among the waiting runs of one model

Results are always arrays of the caller's own; `userdata` and `share_outputs` change nothing. The future belongs to the
loop that runs at the call and is awaited there, also by gather, wait, wait_for, shield and asyncio.timeout; create_task
and TaskGroup take it too. Cancelling it, or what awaits it, cancels the inference: it leaves the queue, or stops at the
next step. The computation never runs on the loop's thread and never takes the GIL.

Raises at the call, without starting anything:
  RuntimeError  naming the input, for one that is missing, an unknown name or index, a wrong shape or too many
                inputs; when no loop is running
  TypeError     for a value that is no number or string, a timeout or a priority that is no number
  ValueError    for a timeout or a priority out of range, and lists whose parts differ in length
Raises from the await:
  CancelledError    the await was cancelled
  DeadlineExceeded  (a TimeoutError) the timeout passed
  RuntimeError      naming the node where the inference failed

Thread safety: any number of threads and loops at once.)";

constexpr const char* queue_doc =
    R"(infer_async($self, /, inputs=None, userdata=None, share_inputs=False, share_outputs=False, *, decode_strings=True, timeout=None, priority=0)
--

Runs an inference on a request of the queue as soon as one is idle, first come, first served, and returns an
asyncio.Future of its results, an OVDict: a numpy array for each output. Who awaits it is held back while all are busy.

inputs          None (run with what the request has) | dict by name, index or port | list | tuple | one array,
                Tensor, scalar or string for a model with one input. A value is a Tensor, an ndarray, anything
                with __array__, the buffer protocol or DLPack, a scalar or a list; its shape has to suit the
                input's, other numeric types are cast silently to the input's.
userdata        what the queue's callback is given
share_inputs    read C-contiguous arrays of the input's element type where they are: they are kept alive until
                the run is over, also after a cancelled await, and must not be changed before; else all values
                are copied
share_outputs   results are views of the request's output memory, which the next run on it changes;
                else arrays of their own, copied off the GIL
decode_strings  string outputs as arrays of kind U, else S
timeout         seconds from the call, a number >= 0, waiting for a request included, after which the inference is
                stopped; None for no limit
priority        -1000 to 1000; higher ones go first among the waiting runs of one model

The future belongs to the loop that runs at the call and is awaited there, also by gather, wait, wait_for, shield
and asyncio.timeout; create_task and TaskGroup take it too. Cancelling it, or what awaits it, cancels the inference;
one that still waits for a request leaves the queue as it was.

Raises at the call:
  RuntimeError  naming the input, for an unknown name or index, a wrong shape or too many inputs; when no loop is
                running; in a callback, which would have to return first
  TypeError     for a value that is no number or string, a timeout or a priority that is no number
  ValueError    for a timeout or a priority out of range, and lists whose parts differ in length
Raises from the await:
  CancelledError    the await was cancelled
  Cancelled         `cancel()` of the request stopped the inference
  DeadlineExceeded  (a TimeoutError) the timeout passed
  what the queue's callback raised; RuntimeError naming the node where the inference failed

Thread safety: any number of threads and loops at once.)";

constexpr const char* batcher_doc =
    R"(infer_async($self, /, inputs=None, userdata=None, share_inputs=False, share_outputs=False, *, decode_strings=True, timeout=None, priority=0)
--

Infers one or more rows together with other requests, and returns an asyncio.Future of the results, an OVDict.

Every one of the `inputs` must be given, of shape [rows, ...] with equal numbers of rows, 1 to `max_batch`. Otherwise as
CompiledModel.infer_async: from any number of tasks, loops and threads; results are arrays [rows, ...] of the caller's own;
a cancelled one drops out, and its batch is stopped when all of it are. `priority` decides who goes first when more wait
than fit into a run; `timeout`, in seconds, counts from the call; `share_inputs` keeps arrays where they are until their
rows are copied into the batch; `decode_strings` is as there, `userdata` and `share_outputs` change nothing.

Raises at the call, and disturbs nobody, what CompiledModel.infer_async raises there, RuntimeError for a wrong number of
rows and when the batcher is closed; from the await CancelledError, DeadlineExceeded (a TimeoutError), or RuntimeError
naming the node where the inference of these rows failed.)";

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
