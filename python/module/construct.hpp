#pragma once

#include <boost/python.hpp>
#include <utility>

#include "module/exceptions.hpp"

/// The end of an `__init__`: puts a C++ object into the Python instance. Boost.Python's own
/// make_constructor does the same without regard to alignment.
namespace coinfer::python {

template <class Holder, class... Arguments>
void install_holder(PyObject* self, Arguments&&... arguments) {
  void* memory = Holder::allocate(self, offsetof(boost::python::objects::instance<Holder>, storage),
                                  sizeof(Holder), alignof(Holder));
  try {
    (new (memory) Holder(std::forward<Arguments>(arguments)...))->install(self);
  } catch (...) {
    Holder::deallocate(self, memory);
    throw;
  }
}

/// Of a class held by value.
template <class Value>
void install_value(const boost::python::object& self, const Value& value) {
  install_holder<boost::python::objects::value_holder<Value>>(self.ptr(), self.ptr(),
                                                              boost::ref(value));
}

/// Of a class held by a smart pointer.
template <class Value>
void install_pointer(const boost::python::object& self, boost::shared_ptr<Value> value) {
  install_holder<boost::python::objects::pointer_holder<boost::shared_ptr<Value>, Value>>(
      self.ptr(), std::move(value));
}

/// Makes `Class()` a TypeError with that text: for classes whose objects come from elsewhere.
template <class Class>
void refuse_construction(Class& type, const char* text) {
  namespace bp = boost::python;
  const auto refuse = [text](const bp::tuple&, const bp::dict&) -> bp::object {
    throw_type_error(text);
  };
  type.def("__init__", bp::raw_function(refuse));
}

}  // namespace coinfer::python
