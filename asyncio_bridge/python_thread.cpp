#include "asyncio_bridge/python_thread.hpp"

#include "asyncio_bridge/gil.hpp"

namespace coinfer::bridge {

int PythonThread::start() {
  if (thread_ != nullptr) {
    return 0;
  }
  const auto threading = PyRef::steal(PyImport_ImportModule("threading"));
  const auto target = PyRef::steal(PyCFunction_New(&body_, nullptr));
  if (!threading || !target) {
    return -1;
  }
  const auto make = PyRef::steal(PyObject_GetAttrString(threading.get(), "Thread"));
  const auto none = PyRef::steal(PyTuple_New(0));
  const auto keywords = PyRef::steal(
      Py_BuildValue("{s:O,s:s,s:O}", "target", target.get(), "name", name_, "daemon", Py_True));
  if (!make || !none || !keywords) {
    return -1;
  }
  auto thread = PyRef::steal(PyObject_Call(make.get(), none.get(), keywords.get()));
  if (!thread) {
    return -1;
  }
  const auto started = PyRef::steal(PyObject_CallMethod(thread.get(), "start", nullptr));
  if (!started) {
    return -1;
  }
  thread_ = thread.release();
  return 0;
}

void PythonThread::join(double seconds) noexcept {
  if (thread_ == nullptr) {
    return;
  }
  const auto joined = PyRef::steal(PyObject_CallMethod(thread_, "join", "d", seconds));
  if (!joined) {
    PyErr_Clear();
  }
}

}  // namespace coinfer::bridge
