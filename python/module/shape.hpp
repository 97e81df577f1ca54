#pragma once

#include <Python.h>

#include "coinfer/shape.hpp"

namespace coinfer::python {

/// Shape, PartialShape and Dimension.
void register_shapes();

/// A `Shape`, or a list, tuple or array of integers >= 0. Throws PythonError (TypeError) naming
/// `what`.
Shape shape_from(PyObject* object, const char* what = "shape");
/// Can `shape_from` take it?
bool is_shape_like(PyObject* object) noexcept;

/// A `PartialShape`, `Shape`, text, or a list or tuple of dimensions: integers (-1: unknown), text,
/// `Dimension`, or a pair (least, most). Throws PythonError.
PartialShape partial_shape_from(PyObject* object);

}  // namespace coinfer::python
