#pragma once

#include <Python.h>

#include <boost/python.hpp>
#include <boost/python/object/find_instance.hpp>

/// Lets Python's cycle collector look into C++ objects. Boost.Python's own instances hide what
/// their C++ object refers to, so that a request whose callback refers back to it would never be
/// freed.
namespace coinfer::python {

/// Of a class T with `int traverse(visitproc, void*)`, which visits each reference that only this
/// instance owns, and `void clear_references()`.
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
    auto* object = object_of(self);
    return object != nullptr ? object->traverse(visit, arg) : 0;
  }

  static int clear(PyObject* self) {
    if (auto** attributes = _PyObject_GetDictPtr(self)) {
      Py_CLEAR(*attributes);
    }
    if (auto* object = object_of(self)) {
      object->clear_references();
    }
    return 0;
  }
};

}  // namespace coinfer::python
