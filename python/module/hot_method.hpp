#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "asyncio_bridge/gil.hpp"
#include "module/exceptions.hpp"
#include "module/plain_values.hpp"

/// Methods that are called millions of times: vectorcall functions put on the class as method
/// descriptors, because the overload resolution of a Boost.Python `def` costs more than they do.
namespace coinfer::python {

/// The parameters of a hot method: the first `positional` may be given by position, all by name.
template <std::size_t N>
class Parameters {
 public:
  /// `names` must live as long as the process.
  constexpr Parameters(const char* method, std::size_t positional, std::array<const char*, N> names)
      : method_{method}, positional_{positional}, names_{names} {}

  using Values = std::array<PyObject*, N>;

  /// Borrowed references; null for what was not given. Throws PythonError (TypeError) for unknown,
  /// double or too many arguments, which names `method`, by default the one given at first.
  Values parse(PyObject* const* args, Py_ssize_t count, PyObject* keywords,
               const char* method = nullptr) const {
    method = method == nullptr ? method_ : method;
    Values values{};
    if (static_cast<std::size_t>(count) > positional_) {
      throw_type_error(fmt::format("{}() takes at most {} positional arguments, {} were given",
                                   method, positional_, count));
    }
    for (Py_ssize_t i = 0; i < count; ++i) {
      values[static_cast<std::size_t>(i)] = args[i];
    }
    if (keywords != nullptr) {
      intern();
      const auto given = PyTuple_GET_SIZE(keywords);
      for (Py_ssize_t k = 0; k < given; ++k) {
        auto* name = PyTuple_GET_ITEM(keywords, k);
        const auto at = find(name);
        if (at == N) {
          throw_type_error(fmt::format("{}() takes ({}); {}={} was given", method,
                                       fmt::join(names_, ", "), utf8_of(name),
                                       Py_TYPE(args[count + k])->tp_name));
        }
        auto& value = values[at];
        if (value != nullptr) {
          throw_type_error(
              fmt::format("{}() got two values for the argument '{}'", method, utf8_of(name)));
        }
        value = args[count + k];
      }
    }
    return values;
  }

 private:
  /// N for an unknown one.
  std::size_t find(PyObject* name) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (interned_[i] == name) {
        return i;
      }
    }
    for (std::size_t i = 0; i < N; ++i) {
      if (PyUnicode_Compare(interned_[i], name) == 0) {
        return i;
      }
    }
    return N;
  }
  void intern() const {
    if (interned_[0] == nullptr) {
      for (std::size_t i = 0; i < N; ++i) {
        interned_[i] = PyUnicode_InternFromString(names_[i]);
      }
    }
  }

  const char* method_;
  std::size_t positional_;
  std::array<const char*, N> names_;
  mutable std::array<PyObject*, N> interned_{};  // under the GIL; never freed
};

/// Throws PythonError (TypeError) when a method without parameters was given any.
inline void check_no_arguments(const char* method, Py_ssize_t count, PyObject* keywords) {
  if (count != 0 || (keywords != nullptr && PyTuple_GET_SIZE(keywords) != 0)) {
    throw_type_error(fmt::format("{}() takes no arguments", method));
  }
}

/// A flag given by the caller, any object with a truth value; throws PythonError when it has none.
inline bool flag(PyObject* value, bool otherwise) {
  if (value == nullptr) {
    return otherwise;
  }
  if (value == Py_True || value == Py_False) {
    return value == Py_True;
  }
  const int truth = PyObject_IsTrue(value);
  if (truth < 0) {
    throw bridge::PythonError{};
  }
  return truth != 0;
}

/// Runs `body` and turns what it throws into the Python exception it stands for.
template <class Body>
PyObject* guarded(Body&& body) noexcept {
  const bridge::Entered entered;
  try {
    return body();
  } catch (...) {
    set_python_error(std::current_exception());
    return nullptr;
  }
}

/// The C++ object inside a Boost.Python instance. Method descriptors have checked the type already;
/// an instance whose `__init__` was never called throws TypeError.
template <class T>
T& self_as(PyObject* self) {
  void* object = boost::python::converter::get_lvalue_from_python(
      self, boost::python::converter::registered<T>::converters);
  if (object == nullptr) {
    throw_type_error("the object was not initialised");
  }
  return *static_cast<T*>(object);
}

using FastMethod = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

/// Puts `function` on the class as method `name`; `doc` begins with its text signature.
void add_hot_method(PyObject* type, const char* name, FastMethod function, const char* doc);

}  // namespace coinfer::python
