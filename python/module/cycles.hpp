#pragma once

#include <Python.h>

#include <boost/python.hpp>
#include <boost/python/object/find_instance.hpp>

/// Lets Python's cycle collector look into C++ objects. Boost.Python's own instances hide what
/// their C++ object refers to, so that a request whose callback refers back to it would never be
/// freed.
namespace coinfer::python {

/// Of a class T. One that owns references has `int traverse(visitproc, void*)`, which visits each
/// that only this instance owns, and `void clear_references()`; of another only the attributes that
/// programs give it can lead back to it.
template <class T>
class Collected {
 public:
  /// Before the first instance is made.
  static void install(PyObject* type) {
    auto* slots = reinterpret_cast<PyTypeObject*>(type);
    slots->tp_traverse = traverse;
    slots->tp_clear = clear;
  }

 private:
  static constexpr bool owns_references = requires(T& object) { object.clear_references(); };

  /// Null when `__init__` was never called.
  static T* object_of(PyObject* self) {
    return static_cast<T*>(
        boost::python::objects::find_instance_impl(self, boost::python::type_id<T>()));
  }

  static int traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    if (auto** attributes = _PyObject_GetDictPtr(self)) {
      Py_VISIT(*attributes);
    }
    if constexpr (owns_references) {
      if (auto* object = object_of(self)) {
        return object->traverse(visit, arg);
      }
    }
    return 0;
  }

  static int clear(PyObject* self) {
    if (auto** attributes = _PyObject_GetDictPtr(self)) {
      Py_CLEAR(*attributes);
    }
    if constexpr (owns_references) {
      if (auto* object = object_of(self)) {
        object->clear_references();
      }
    }
    return 0;
  }
};

}  // namespace coinfer::python
