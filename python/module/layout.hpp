#pragma once

#include <Python.h>

#include "coinfer/layout.hpp"

namespace coinfer::python {

/// The class Layout.
void register_layout();

/// A Layout, or a text; throws PythonError (TypeError).
Layout layout_from(PyObject* object);

}  // namespace coinfer::python
