#pragma once

#include <Python.h>

namespace coinfer::python {

/// The arguments of `__call__` and `infer`.
struct InferArguments {
  PyObject* inputs = nullptr;  ///< borrowed; null or None: run with what is set
  bool share_inputs = false;
  bool share_outputs = false;
  bool decode_strings = true;

  /// `shared_memory=` is the older name of share_inputs, and warns. Throws PythonError, which says
  /// what `method` takes.
  static InferArguments parse(const char* method, PyObject* const* args, Py_ssize_t count,
                              PyObject* keywords, bool share_by_default);
};

/// The arguments of `start_async`.
struct StartArguments {
  PyObject* inputs = nullptr;
  PyObject* userdata = nullptr;  ///< borrowed; null when not given
  bool share_inputs = false;

  static StartArguments parse(const char* method, PyObject* const* args, Py_ssize_t count,
                              PyObject* keywords);
};

/// share_inputs, or its older name with a DeprecationWarning. Throws PythonError.
bool share_flag(PyObject* share_inputs, PyObject* shared_memory, bool otherwise);

}  // namespace coinfer::python
