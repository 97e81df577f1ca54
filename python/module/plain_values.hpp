#pragma once

#include <Python.h>
#include <fmt/format.h>

#include <boost/python.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio_bridge/gil.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {

/// The UTF-8 of a str, which lives as long as the str does. Throws PythonError (UnicodeEncodeError)
/// for a lone surrogate.
inline std::string_view utf8_of(PyObject* text) {
  Py_ssize_t length = 0;
  const auto* utf8 = PyUnicode_AsUTF8AndSize(text, &length);
  if (utf8 == nullptr) {
    throw bridge::PythonError{};
  }
  return {utf8, static_cast<std::size_t>(length)};
}

/// The same of any object; throws PythonError (TypeError) naming `what` when it is no str.
inline std::string_view text_from(PyObject* object, const char* what) {
  if (!PyUnicode_Check(object)) {
    throw_type_error(fmt::format("{} is a str, not {}", what, Py_TYPE(object)->tp_name));
  }
  return utf8_of(object);
}

/// An integer that a C++ one of 64 bits holds. Throws PythonError: TypeError naming `what` for
/// other objects, OverflowError for larger ones.
inline std::int64_t integer_from(PyObject* object, const char* what) {
  if (PyIndex_Check(object) == 0) {
    throw_type_error(fmt::format("{} is an integer, not {}", what, Py_TYPE(object)->tp_name));
  }
  const auto index = bridge::PyRef::steal(checked(PyNumber_Index(object)));
  const auto value = PyLong_AsLongLong(index.get());
  if (value == -1 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  return value;
}

/// The items of a list or set of str.
inline std::vector<std::string> texts_from(const boost::python::object& items, const char* what) {
  std::vector<std::string> texts;
  if (PyUnicode_Check(items.ptr())) {
    throw_type_error(fmt::format("a list of str was expected, each {}, not a str", what));
  }
  for (boost::python::stl_input_iterator<boost::python::object> item{items}, end; item != end;
       ++item) {
    texts.emplace_back(text_from((*item).ptr(), what));
  }
  return texts;
}

}  // namespace coinfer::python
