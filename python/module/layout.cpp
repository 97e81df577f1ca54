#include "module/layout.hpp"

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "module/construct.hpp"
#include "module/exceptions.hpp"
#include "module/plain_values.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

void initialise(const bp::object& self, const bp::object& text) {
  install_value(self, layout_from(text.ptr()));
}

bp::object equal(const Layout& self, const bp::object& other) {
  if (const bp::extract<const Layout&> that{other}; that.check()) {
    return bp::object{self == that()};
  }
  if (PyUnicode_Check(other.ptr())) {
    return bp::object{self == layout_from(other.ptr())};
  }
  return bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}

bp::object differ(const Layout& self, const bp::object& other) {
  auto same = equal(self, other);
  return same.ptr() == Py_NotImplemented ? same : bp::object{!bp::extract<bool>(same)()};
}

std::int64_t index_by_name(const Layout& self, const std::string& name) {
  return self.index_of(name);
}

bool has_name(const Layout& self, const std::string& name) { return self.has_name(name); }

bp::tuple reduce(const bp::object& self) {
  return bp::make_tuple(self.attr("__class__"), bp::make_tuple(bp::str(self)));
}

}  // namespace

Layout layout_from(PyObject* object) {
  const bp::extract<const Layout&> layout{object};
  if (layout.check()) {
    return layout();
  }
  if (!PyUnicode_Check(object)) {
    throw_type_error(
        fmt::format("a layout is a Layout or a str, not {}", Py_TYPE(object)->tp_name));
  }
  return Layout{utf8_of(object)};
}

void register_layout() {
  bp::class_<Layout>(
      "Layout",
      "What the dimensions of a tensor mean: `Layout(\"NCHW\")`, `Layout(\"N...C\")`, "
      "`Layout(\"[N,C,?,time]\")`. Names\nare compared without regard to case; batch, channels, "
      "depth, height and width are N, C, D, H and W.\nRaises RuntimeError that says what is wrong "
      "with a text. Compares equal to a str that means the same.\n\nThread safety: immutable.",
      bp::no_init)
      .def(
          "__init__", +[](const bp::object& self) { install_value(self, Layout{}); })
      .def("__init__", &initialise, bp::arg("layout_str"))
      .def("scalar", &Layout::scalar, "The layout of a tensor of rank 0.")
      .staticmethod("scalar")
      .add_property("empty", &Layout::empty,
                    "True when nothing is known, as of `Layout()` and `Layout(\"...\")`.")
      .def("get_index_by_name", &index_by_name, bp::arg("dimension_name"),
           "Where the dimension `dimension_name` is, negative (from the back) when it follows "
           "\"...\"; RuntimeError "
           "when there is none.")
      .def("has_name", &has_name, bp::arg("dimension_name"),
           "True when there is a dimension named `dimension_name`.")
      .def("to_string", &Layout::to_string, "The layout as a text: \"[N,C,H,W]\".")
      .def("__eq__", &equal)
      .def("__ne__", &differ)
      .def("__reduce__", &reduce)
      .def("__str__", &Layout::to_string)
      .def(
          "__repr__", +[](const Layout& self) { return "<Layout: " + self.to_string() + ">"; })
      .setattr("__hash__", bp::object{});
}

}  // namespace coinfer::python
