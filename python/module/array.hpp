#pragma once

#include <Python.h>

#include "coinfer/tensor.hpp"

/// Between tensors and numpy arrays. Everything here needs the GIL and throws PythonError.
namespace coinfer::python {

/// Makes the type of the objects that keep a tensor's memory alive behind an array; call once.
void register_arrays();

/// A numpy view of the tensor's memory, which it keeps alive; not of string tensors. Read-only over
/// read-only memory. bf16 is seen as float16 of the same bits. A new reference.
PyObject* view_of(const Tensor& tensor);

/// A numpy array with the tensor's values: `view_of` copied. Above 64 KiB the GIL is released.
PyObject* copy_of(const Tensor& tensor);

/// The strings as an array of kind U (UTF-8 decoded) or S.
PyObject* strings_of(const Tensor& tensor, bool decode);

/// A tensor over the memory of an array, which it keeps alive; zero-copy. The array must be
/// C-contiguous and of an element type that tensors have.
Tensor share_array(PyObject* array, ElementType type, const Shape& shape);
Tensor share_array(PyObject* array);

/// A tensor with a copy of any array that tensors can hold.
Tensor copy_array(PyObject* array);

/// Any value as a numpy array, a new reference: arrays as they are; `__array__`, the buffer
/// protocol, DLPack; lists and scalars copied.
PyObject* array_from(PyObject* value);

/// The shape of an array.
Shape shape_of(PyObject* array);

/// Copies an array's values to a tensor of the same number of elements, casting between numeric
/// types; strings to string tensors only. bf16 takes float16 arrays as raw bits, and rounds others.
/// Above 64 KiB the GIL is released.
void assign_array(const Tensor& tensor, PyObject* array);

/// memmove; above 64 KiB the GIL is released.
void copy_bytes(void* target, const void* source, std::size_t bytes);

/// How errors name an array: "a float64 array of shape [2,3]".
std::string describe_array(PyObject* array);

}  // namespace coinfer::python
