#pragma once

#include <Python.h>

#include <vector>

#include "coinfer/infer_request.hpp"
#include "module/async_infer_queue.hpp"
#include "module/batcher.hpp"
#include "module/infer_request.hpp"
#include "module/port.hpp"

/// Awaitable inference: `infer_async` of requests and compiled models, and `await request`.
namespace coinfer::python {

/// Makes InferFuture and puts it into the module; call once, under the GIL.
void register_async();

/// The arguments of an `infer_async`.
struct AsyncCall {
  PyObject* inputs = nullptr;  ///< borrowed
  bool share_inputs = false;
  bool share_outputs = false;
  bool decode_strings = true;
  PyObject* timeout = nullptr;  ///< borrowed; seconds, None or null for no limit
  int priority = 0;
};

/// Reads the keyword arguments' values. Throws PythonError (TypeError).
int priority_of(PyObject* value);

/// Starts a run on the request and returns its future, a new reference. `owner` is the request's
/// Python object, `userdata` is borrowed, null for what it has. Throws PythonError, RequestBusy, or
/// Error for bad inputs: nothing was started or changed then.
PyObject* infer_async(PyObject* owner, PyInferRequest& request, const AsyncCall& call,
                      PyObject* userdata);

/// The same without a request: the run has inputs and outputs of its own, so that any number may be
/// in flight. All inputs must be given. `spare` must live as long as `owner`.
PyObject* infer_async(PyObject* owner, const PortTable& ports, SpareOperations& spare,
                      const AsyncCall& call);

/// The same, joined with others by the batcher. `owner` is its Python object.
PyObject* infer_async(PyObject* owner, PyBatcher& batcher, const AsyncCall& call);

/// The same on a request of the queue, once one is idle: waits for it on the loop, first come,
/// first served. `owner` is the queue's Python object, `userdata` is borrowed.
PyObject* infer_async(PyObject* owner, PyAsyncInferQueue& queue, const AsyncCall& call,
                      PyObject* userdata);

/// A future of the running loop that is done, with the result None, when the operation is over.
/// Cancelling it leaves the operation alone. A new reference.
PyObject* await_operation(PyObject* owner, OperationRef operation);

/// A future of the run in flight that only observes: cancelling it leaves the run alone. Its result
/// is None; it is done when the request is idle. A new reference.
PyObject* observe(PyObject* owner, PyInferRequest& request);

}  // namespace coinfer::python
