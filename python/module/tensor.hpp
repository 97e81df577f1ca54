#pragma once

#include <Python.h>

#include "coinfer/tensor.hpp"

namespace coinfer::python {

/// The class Tensor.
void register_tensor();

/// The tensor inside a Python Tensor; null when it is none.
const Tensor* tensor_in(PyObject* object) noexcept;

/// A Python Tensor, a new reference.
PyObject* wrap_tensor(const Tensor& tensor);

}  // namespace coinfer::python
