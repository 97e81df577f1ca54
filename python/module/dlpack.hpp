#pragma once

#include <Python.h>

#include "coinfer/tensor.hpp"

namespace coinfer::python {

/// A capsule of the DLPack protocol over the tensor's memory, which it keeps alive; a new
/// reference. `versioned`: of version 1, which can say that memory is read-only. Throws PythonError
/// (BufferError) for strings, and for read-only memory of version 0.
PyObject* dlpack_capsule(const Tensor& tensor, bool versioned);

}  // namespace coinfer::python
