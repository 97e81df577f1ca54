#pragma once

#include <Python.h>

#include <optional>

#include "coinfer/element_type.hpp"

namespace coinfer::python {

/// Imports `coinfer.element_type`; call once, under the GIL.
void register_element_types();

/// The `coinfer.Type` object, a borrowed reference.
PyObject* type_object(ElementType type) noexcept;

/// Is it a `coinfer.Type`?
bool is_type(PyObject* object) noexcept;

/// The element type of a `coinfer.Type`, a numpy dtype or anything that numpy takes for a dtype.
/// Throws PythonError.
ElementType element_type_from(PyObject* object);

/// numpy's type number of `Tensor.data`; float16 for bf16. Not for `dynamic` and `string`.
int numpy_type(ElementType type) noexcept;

/// The element type of a numpy type number, `string` for both of numpy's; nullopt for others.
std::optional<ElementType> element_type_of_numpy(int type) noexcept;

}  // namespace coinfer::python
