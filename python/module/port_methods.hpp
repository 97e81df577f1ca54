#pragma once

#include <functional>

#include "module/port.hpp"

/// What Python's kinds of ports share.
namespace coinfer::python {

/// A port of a compiled model or a request; base of Output.
struct ConstOutput {
  PortRef port;
};

/// "<Output: names[x] shape[1,3] type: f32>"
std::string show_port(const char* kind, const Port& port);
/// Brings an Output up to date; false when `object` is none.
bool refresh_output(PyObject* object) noexcept;

/// `self < other` and so on of two ports' places, numbers in a model's order; NotImplemented when
/// `other` has none.
template <class Compare, class Place>
boost::python::object compare_places(const Place& self, const Place* other) {
  namespace bp = boost::python;
  return other == nullptr ? bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))}
                          : bp::object{Compare{}(self, *other)};
}

/// Gives a class <, <=, > and >=, for sorting; `Compared<Compare>::call` compares two objects.
template <template <class> class Compared, class Class>
void define_order(Class& defined) {
  defined.def("__lt__", &Compared<std::less<>>::call)
      .def("__le__", &Compared<std::less_equal<>>::call)
      .def("__gt__", &Compared<std::greater<>>::call)
      .def("__ge__", &Compared<std::greater_equal<>>::call);
}

}  // namespace coinfer::python
