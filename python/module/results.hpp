#pragma once

#include <Python.h>

#include <span>

#include "coinfer/tensor.hpp"
#include "module/port.hpp"

/// How a model's outputs become Python values.
namespace coinfer::python {

/// Imports `coinfer.ovdict`; call once, under the GIL.
void register_results();

/// An OVDict with one array an output, a new reference. `share`: views of the tensors' memory,
/// which they keep alive (strings are copied all the same); else copies, made with the GIL released
/// above 64 KiB. `decode`: strings as arrays of kind U, else S. Needs the GIL; throws PythonError.
PyObject* make_results(const PortTable& ports, std::span<const Tensor> outputs, bool share,
                       bool decode);

/// Is it an OVDict?
bool is_results(PyObject* object) noexcept;
/// Its tuple of arrays, a borrowed reference.
PyObject* results_values(PyObject* results) noexcept;

}  // namespace coinfer::python
