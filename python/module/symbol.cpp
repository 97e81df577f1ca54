#include "module/symbol.hpp"

#include "asyncio_bridge/gil.hpp"
#include "module/construct.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

struct Symbol {};

constexpr const char* own = "_symbol";
constexpr const char* by_index = "_symbols";

bp::object attribute(const bp::object& object, const char* name) {
  if (PyObject_HasAttrString(object.ptr(), name) == 0) {
    return {};
  }
  return bp::object{object.attr(name)};
}

bp::object equal(const bp::object& self, const bp::object& other) {
  return bp::extract<const Symbol&>{other}.check()
             ? bp::object{self.ptr() == other.ptr()}
             : bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}

std::intptr_t hash(const bp::object& self) {
  return reinterpret_cast<std::intptr_t>(self.ptr()) >> 4;
}

}  // namespace

bp::object symbol_of(const bp::object& dimension) { return attribute(dimension, own); }

bool has_symbol(const bp::object& dimension) { return !symbol_of(dimension).is_none(); }

void set_symbol(const bp::object& dimension, const bp::object& symbol) {
  if (!symbol.is_none() && !bp::extract<const Symbol&>{symbol}.check()) {
    throw_type_error(
        fmt::format("a Symbol or None was expected, not {}", Py_TYPE(symbol.ptr())->tp_name));
  }
  bp::object{dimension}.attr(own) = symbol;
}

void keep_symbol(const bp::object& shape, std::size_t index, const bp::object& dimension) {
  const auto symbol = symbol_of(dimension);
  auto known = attribute(shape, by_index);
  if (symbol.is_none() && known.is_none()) {
    return;
  }
  if (known.is_none()) {
    known = bp::dict{};
    bp::object{shape}.attr(by_index) = known;
  }
  known[index] = symbol;
}

void keep_symbols(const bp::object& shape, const bp::object& source) {
  if (const auto known = attribute(source, by_index); !known.is_none()) {
    bp::object{shape}.attr(by_index) = known.attr("copy")();
  }
  if (PyList_Check(source.ptr()) || PyTuple_Check(source.ptr())) {
    for (bp::ssize_t i = 0; i < bp::len(source); ++i) {
      keep_symbol(shape, static_cast<std::size_t>(i), source[i]);
    }
  }
}

bp::object with_symbol(const bp::object& shape, std::size_t index, bp::object dimension) {
  if (const auto known = attribute(shape, by_index); !known.is_none()) {
    dimension.attr(own) = known.attr("get")(index);
  }
  return dimension;
}

void register_symbol() {
  bp::class_<Symbol>("Symbol",
                     "A mark for dimensions that are the same one, whatever its length is; equal "
                     "to itself alone.\n\nThread safety: immutable.",
                     bp::no_init)
      .def(
          "__init__", +[](const bp::object& self) { install_value(self, Symbol{}); })
      .def("__eq__", &equal)
      .def("__hash__", &hash)
      .def("__bool__", +[](const Symbol&) { return true; });
}

}  // namespace coinfer::python
