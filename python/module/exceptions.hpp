#pragma once

#include <Python.h>

#include <exception>
#include <string>

#include "asyncio_bridge/waiting.hpp"

namespace coinfer::python {

/// Makes coinfer.Error and its subclasses, and teaches Boost.Python to raise them.
void register_exceptions();

/// Sets the Python exception that stands for a C++ one; a PythonError is set already. Needs the
/// GIL.
void set_python_error(std::exception_ptr error) noexcept;

/// The Python exception object for a C++ one, a new reference. Needs the GIL.
PyObject* python_exception(std::exception_ptr error) noexcept;

[[noreturn]] void throw_type_error(const std::string& text);
[[noreturn]] void throw_value_error(const std::string& text);
[[noreturn]] void throw_attribute_error(const std::string& text);
[[noreturn]] void throw_index_error(const std::string& text);

/// The object, or throws PythonError when it is null.
inline PyObject* checked(PyObject* object) {
  if (object == nullptr) {
    throw bridge::PythonError{};
  }
  return object;
}

}  // namespace coinfer::python
