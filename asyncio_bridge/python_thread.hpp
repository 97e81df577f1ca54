#pragma once

#include <Python.h>

namespace coinfer::bridge {

/// A daemon thread that Python made, so that it may take the GIL, and that the atexit hook joins.
/// All members need the GIL.
class PythonThread {
 public:
  /// `body` is a function without arguments; it and `name` live as long as the process.
  PythonThread(PyMethodDef& body, const char* name) : body_{body}, name_{name} {}

  /// Starts it when it does not run; -1 with an exception set on failure.
  int start();
  /// Waits, at most `seconds`, for its end, which its owner has asked for.
  void join(double seconds) noexcept;

 private:
  PyMethodDef& body_;
  const char* name_;
  PyObject* thread_ = nullptr;
};

}  // namespace coinfer::bridge
