#include "module/shape.hpp"

#include <charconv>

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "module/construct.hpp"
#include "module/exceptions.hpp"
#include "module/overloads.hpp"
#include "module/plain_values.hpp"
#include "module/symbol.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

template <class T>
T* held(PyObject* object) noexcept {
  return static_cast<T*>(
      bp::converter::get_lvalue_from_python(object, bp::converter::registered<T>::converters));
}

std::int64_t integer(PyObject* object, const char* what) {
  if (PyFloat_Check(object) || PyUnicode_Check(object)) {
    throw_type_error(
        fmt::format("a {} consists of integers, not of {}", what, Py_TYPE(object)->tp_name));
  }
  const auto index = PyRef::steal(checked(PyNumber_Index(object)));
  const auto value = PyLong_AsLongLong(index.get());
  if (value == -1 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr auto* space = " \t\n\r\f\v";
  const auto first = std::min(text.find_first_not_of(space), text.size());
  const auto last = text.find_last_not_of(space);
  return text.substr(first, last == std::string_view::npos ? 0 : last + 1 - first);
}

/// "[1,3]". As OpenVINO has it, each length ends where its digits end, and without any it is 0.
Shape shape_from_text(std::string_view text) {
  text = trimmed(text);
  auto lengths = text;
  if (lengths.starts_with('[') && lengths.ends_with(']')) {
    lengths = trimmed(lengths.substr(1, lengths.size() - 2));
  }
  Shape shape;
  for (bool last = lengths.empty(); !last;) {
    const auto comma = lengths.find(',');
    last = comma == std::string_view::npos;
    const auto part = trimmed(lengths.substr(0, comma));
    if (part.empty()) {
      throw Error(fmt::format("'{}' is no shape: a length is left out", text));
    }
    std::int64_t length = 0;
    std::from_chars(part.data(), part.data() + part.size(), length);
    shape.push_back(std::max<std::int64_t>(length, 0));
    lengths.remove_prefix(last ? 0 : comma + 1);
  }
  return shape;
}

/// As OpenVINO has it: -1 is unknown, other negative numbers are none.
Dimension dimension_of(std::int64_t length) {
  return length < -1 ? Dimension{0} : Dimension{length};
}

/// Nothing between `least` and `most` is as good as not knowing.
Dimension dimension_of(std::int64_t least, std::int64_t most) {
  const auto first = std::max<std::int64_t>(least, 0);
  const auto last = most == -1 ? Dimension::unbounded : std::max<std::int64_t>(most, 0);
  return first > last ? Dimension{} : Dimension{first, last};
}

/// A dimension's text as files may have it: what `dimension_of` takes for another, written as that.
std::string strict_dimension(std::string_view text) {
  const auto number = [](std::string_view part, std::int64_t otherwise) {
    part = trimmed(part);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return part.empty()                                               ? std::optional{otherwise}
           : error == std::errc{} && end == part.data() + part.size() ? std::optional{value}
                                                                      : std::nullopt;
  };
  const auto dots = text.find("..");
  if (dots != std::string_view::npos) {
    const auto least = number(text.substr(0, dots), 0);
    const auto most = number(text.substr(dots + 2), -1);
    return least && most ? dimension_of(*least, *most).to_string() : std::string{text};
  }
  const auto length = number(text, 0);
  return length && *length < -1 ? "0" : std::string{text};
}

/// A shape's text, in which OpenVINO takes numbers that files may not have.
PartialShape parse(std::string_view text) {
  if (text.find("..") == std::string_view::npos && text.find('-') == std::string_view::npos) {
    return PartialShape::parse(text);
  }
  std::string strict;
  for (auto rest = text;;) {
    const auto end = std::min(rest.find_first_of("[],"), rest.size());
    strict += rest.substr(0, end) == "..." ? "..." : strict_dimension(rest.substr(0, end));
    if (end == rest.size()) {
      return PartialShape::parse(strict);
    }
    strict += rest[end];
    rest.remove_prefix(end + 1);
  }
}

Dimension dimension_from(PyObject* object) {
  if (const auto* dimension = held<Dimension>(object)) {
    return *dimension;
  }
  if (PyUnicode_Check(object)) {
    if (trimmed(utf8_of(object)).empty()) {
      return Dimension{0};  // as OpenVINO has it
    }
    const auto shape = parse(utf8_of(object));
    if (shape.rank() != 1) {
      throw Error(fmt::format("'{}' is not one dimension", utf8_of(object)));
    }
    return shape[0];
  }
  if (PyTuple_Check(object) || PyList_Check(object)) {
    const auto pair = PyRef::steal(checked(PySequence_Tuple(object)));
    if (PyTuple_GET_SIZE(pair.get()) != 2) {
      throw_type_error(
          fmt::format("a dimension given as a tuple is (least, most); it has {} elements",
                      PyTuple_GET_SIZE(pair.get())));
    }
    return dimension_of(integer(PyTuple_GET_ITEM(pair.get(), 0), "dimension"),
                        integer(PyTuple_GET_ITEM(pair.get(), 1), "dimension"));
  }
  if (PyFloat_Check(object) || !PyIndex_Check(object)) {
    throw_type_error(fmt::format(
        "{} is no dimension; it can be an int, a str, a Dimension, or a tuple (least, most)",
        Py_TYPE(object)->tp_name));
  }
  return dimension_of(integer(object, "dimension"));
}

std::int64_t most(const Dimension& dimension) {
  return dimension.max_length() == Dimension::unbounded ? -1 : dimension.max_length();
}

std::size_t position(const bp::object& index, std::size_t size, const char* what) {
  auto value = integer(index.ptr(), what);
  if (value < 0) {
    value += static_cast<std::int64_t>(size);
  }
  if (value < 0 || value >= static_cast<std::int64_t>(size)) {
    throw_index_error(fmt::format("index {} is out of range of a {} of rank {}",
                                  integer(index.ptr(), what), what, size));
  }
  return static_cast<std::size_t>(value);
}

struct Slice {
  Py_ssize_t start, step, count;
};

Slice slice_of(const bp::object& index, std::size_t size) {
  Py_ssize_t start = 0;
  Py_ssize_t stop = 0;
  Py_ssize_t step = 0;
  if (PySlice_Unpack(index.ptr(), &start, &stop, &step) < 0) {
    throw bridge::PythonError{};
  }
  const auto count = PySlice_AdjustIndices(static_cast<Py_ssize_t>(size), &start, &stop, step);
  return {start, step, count};
}

// --- Shape

void init_empty_shape(const bp::object& self) { install_value(self, Shape{}); }

void init_shape(const bp::object& self, const bp::object& lengths) {
  if (PyUnicode_Check(lengths.ptr())) {
    install_value(self, shape_from_text(utf8_of(lengths.ptr())));
  } else {
    install_value(self, shape_from(lengths.ptr()));
  }
}

bp::object shape_item(const Shape& shape, const bp::object& index) {
  if (PySlice_Check(index.ptr())) {
    const auto slice = slice_of(index, shape.size());
    Shape part;
    for (Py_ssize_t i = 0; i < slice.count; ++i) {
      part.push_back(shape[static_cast<std::size_t>(slice.start + i * slice.step)]);
    }
    return bp::object{part};
  }
  return bp::object{shape[position(index, shape.size(), "shape")]};
}

void set_shape_item(Shape& shape, const bp::object& index, const bp::object& length) {
  const auto* dimension = held<Dimension>(length.ptr());
  shape[position(index, shape.size(), "shape")] =
      dimension != nullptr ? dimension->length() : integer(length.ptr(), "shape");
}

bp::object shape_iterator(const Shape& shape) {
  bp::list lengths;
  for (const auto length : shape) {
    lengths.append(length);
  }
  return bp::object{bp::handle<>(PyObject_GetIter(lengths.ptr()))};
}

bp::object not_implemented() { return bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))}; }

bp::object shapes_equal(const Shape& shape, const bp::object& other) {
  if (const auto* partial = held<PartialShape>(other.ptr())) {
    return bp::object{PartialShape{shape} == *partial};
  }
  if (held<Shape>(other.ptr()) == nullptr && !PyTuple_Check(other.ptr()) &&
      !PyList_Check(other.ptr())) {
    return not_implemented();
  }
  try {
    return bp::object{shape == shape_from(other.ptr())};
  } catch (const bridge::PythonError&) {
    PyErr_Clear();
    return bp::object{false};
  }
}

bp::object shapes_differ(const Shape& shape, const bp::object& other) {
  auto equal = shapes_equal(shape, other);
  return equal.ptr() == Py_NotImplemented ? equal : bp::object{!bp::extract<bool>(equal)()};
}

std::string show_shape(const Shape& shape) { return "<Shape: " + shape.to_string() + ">"; }

bp::tuple reduce_shape(const bp::object& self) {
  return bp::make_tuple(self.attr("__class__"), bp::make_tuple(bp::str(self)));
}

// --- Dimension

void init_unknown(const bp::object& self) { install_value(self, Dimension{}); }

void init_dimension(const bp::object& self, const bp::object& dimension) {
  install_value(self, dimension_from(dimension.ptr()));
}

void init_interval(const bp::object& self, const bp::object& least, const bp::object& most) {
  install_value(self,
                dimension_of(integer(least.ptr(), "dimension"), integer(most.ptr(), "dimension")));
}

bool contains(const Dimension& outer, const Dimension& inner) {
  return outer.min_length() <= inner.min_length() && inner.max_length() <= outer.max_length();
}

bp::object dimensions_equal(const Dimension& dimension, const bp::object& other) {
  if (const auto* that = held<Dimension>(other.ptr())) {
    return bp::object{dimension == *that};
  }
  if (PyLong_Check(other.ptr())) {
    return bp::object{dimension == Dimension{integer(other.ptr(), "dimension")}};
  }
  return not_implemented();
}

bp::object dimensions_differ(const Dimension& dimension, const bp::object& other) {
  auto equal = dimensions_equal(dimension, other);
  return equal.ptr() == Py_NotImplemented ? equal : bp::object{!bp::extract<bool>(equal)()};
}

// --- PartialShape

void init_partial_shape(const bp::object& self, const bp::object& dimensions) {
  install_value(self, partial_shape_from(dimensions.ptr()));
  keep_symbols(self, dimensions);
}

PartialShape dynamic_shape(const bp::object& rank) {
  if (rank.is_none()) {
    return PartialShape::dynamic();
  }
  const auto dimension = dimension_from(rank.ptr());
  return dimension.is_dynamic() ? PartialShape::dynamic()
                                : PartialShape::dynamic(dimension.length());
}

/// `self` of methods that need the Python object too.
PartialShape& partial(const bp::object& self) {
  auto* shape = held<PartialShape>(self.ptr());
  if (shape == nullptr) {
    throw_type_error(
        fmt::format("a PartialShape was expected, not {}", Py_TYPE(self.ptr())->tp_name));
  }
  return *shape;
}

bp::object partial_item(const bp::object& self, const bp::object& index) {
  const auto& shape = partial(self);
  if (!shape.has_rank()) {
    throw Error("the dimensions of a shape of unknown rank were asked for");
  }
  const auto size = shape.dimensions().size();
  if (PySlice_Check(index.ptr())) {
    const auto slice = slice_of(index, size);
    PartialShape::Dimensions part;
    for (Py_ssize_t i = 0; i < slice.count; ++i) {
      part.push_back(shape[static_cast<std::size_t>(slice.start + i * slice.step)]);
    }
    return bp::object{PartialShape{std::move(part)}};
  }
  auto at = integer(index.ptr(), "shape");
  at += at < 0 ? static_cast<std::int64_t>(size) : 0;
  if (at < 0 || at >= static_cast<std::int64_t>(size)) {
    throw Error(fmt::format("index {} is out of range of the shape {}",
                            integer(index.ptr(), "shape"), shape.to_string()));
  }
  return with_symbol(self, static_cast<std::size_t>(at),
                     bp::object{shape[static_cast<std::size_t>(at)]});
}

void set_partial_item(const bp::object& self, const bp::object& index,
                      const bp::object& dimension) {
  auto& shape = partial(self);
  const auto at = position(index, shape.dimensions().size(), "shape");
  shape[at] = dimension_from(dimension.ptr());
  keep_symbol(self, at, dimension);
}

std::size_t partial_length(const PartialShape& shape) {
  if (!shape.has_rank()) {
    throw Error("the rank of the shape [...] is not known");
  }
  return shape.dimensions().size();
}

bp::object partial_iterator(const bp::object& self) {
  const auto& shape = partial(self);
  bp::list dimensions;
  for (std::size_t i = 0; i < partial_length(shape); ++i) {
    dimensions.append(with_symbol(self, i, bp::object{shape[i]}));
  }
  return bp::object{bp::handle<>(PyObject_GetIter(dimensions.ptr()))};
}

bp::object partials_equal(const PartialShape& shape, const bp::object& other) {
  if (const auto* that = held<PartialShape>(other.ptr())) {
    return bp::object{shape == *that};
  }
  if (const auto* that = held<Shape>(other.ptr())) {
    return bp::object{shape == PartialShape{*that}};
  }
  if (!PyTuple_Check(other.ptr()) && !PyList_Check(other.ptr())) {
    return not_implemented();
  }
  if (shape.is_dynamic()) {
    throw_type_error(fmt::format("cannot compare the dynamic shape {} with a {}", shape.to_string(),
                                 Py_TYPE(other.ptr())->tp_name));
  }
  return bp::object{shape == PartialShape{shape_from(other.ptr())}};
}

bp::object partials_differ(const PartialShape& shape, const bp::object& other) {
  auto equal = partials_equal(shape, other);
  return equal.ptr() == Py_NotImplemented ? equal : bp::object{!bp::extract<bool>(equal)()};
}

Dimension rank_of(const PartialShape& shape) { return Dimension{shape.rank()}; }

/// Whether each dimension of `outer` allows all that the same one of `inner` allows.
bool relaxes(const PartialShape& outer, const PartialShape& inner) {
  if (!outer.has_rank()) {
    return true;
  }
  if (outer.rank() != inner.rank()) {
    return false;
  }
  return std::equal(outer.dimensions().begin(), outer.dimensions().end(),
                    inner.dimensions().begin(), contains);
}

bool refines(const PartialShape& inner, const PartialShape& outer) { return relaxes(outer, inner); }

bool compatible(const PartialShape& a, const PartialShape& b) {
  return PartialShape::merge(a, b).has_value();
}

bool same_scheme(const PartialShape& a, const PartialShape& b) {
  return a.has_rank() == b.has_rank() &&
         std::equal(a.dimensions().begin(), a.dimensions().end(), b.dimensions().begin(),
                    b.dimensions().end(), [](Dimension x, Dimension y) {
                      return x == y || (x.is_dynamic() && y.is_dynamic());
                    });
}

std::string show_partial(const PartialShape& shape) {
  return "<PartialShape: " + shape.to_string() + ">";
}
bool all_non_negative(const PartialShape&) { return true; }

}  // namespace

bool is_shape_like(PyObject* object) noexcept {
  return held<Shape>(object) != nullptr || PyList_Check(object) || PyTuple_Check(object);
}

Shape shape_from(PyObject* object, const char* what) {
  if (const auto* shape = held<Shape>(object)) {
    return *shape;
  }
  if (PyUnicode_Check(object) || PyBytes_Check(object)) {
    throw_type_error(
        fmt::format("a {} is a sequence of integers, not {}", what, Py_TYPE(object)->tp_name));
  }
  const auto items = PyRef::steal(PySequence_Tuple(object));
  if (!items) {
    PyErr_Clear();
    throw_type_error(
        fmt::format("a {} is a sequence of integers, not {}", what, Py_TYPE(object)->tp_name));
  }
  Shape shape;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    const auto length = integer(PyTuple_GET_ITEM(items.get(), i), what);
    if (length < 0) {
      throw_type_error(fmt::format("a {} has no negative numbers, {} was given", what, length));
    }
    shape.push_back(length);
  }
  return shape;
}

PartialShape partial_shape_from(PyObject* object) {
  if (const auto* shape = held<PartialShape>(object)) {
    return *shape;
  }
  if (const auto* shape = held<Shape>(object)) {
    return PartialShape{*shape};
  }
  if (PyUnicode_Check(object)) {
    return parse(utf8_of(object));
  }
  if (!PyList_Check(object) && !PyTuple_Check(object)) {
    throw_type_error(
        fmt::format("{} is no shape; it can be a PartialShape, Shape, list, tuple or str",
                    Py_TYPE(object)->tp_name));
  }
  PartialShape::Dimensions dimensions;
  const auto items = PyRef::steal(checked(PySequence_Tuple(object)));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    dimensions.push_back(dimension_from(PyTuple_GET_ITEM(items.get(), i)));
  }
  return PartialShape{std::move(dimensions)};
}

void register_shapes() {
  const auto none = bp::object{};
  bp::class_<Shape> shape{
      "Shape",
      "The extents of a tensor, outermost first; compares equal to a list or tuple of the same "
      "numbers. `axis_lengths`: a sequence of\nintegers or a Shape; `shape`: a text such as "
      "\"[1,3,224,224]\".\n\nThread safety: reading a shared one is safe, changing it is not.",
      bp::no_init};
  shape.def("__init__", &init_empty_shape);
  def_named(shape, "__init__", &init_shape, bp::arg("shape"), bp::arg("axis_lengths"))
      .def("__len__", &Shape::size)
      .def("__getitem__", &shape_item)
      .def("__setitem__", &set_shape_item)
      .def("__iter__", &shape_iterator)
      .def("__eq__", &shapes_equal)
      .def("__ne__", &shapes_differ)
      .def("__reduce__", &reduce_shape)
      .def("__str__", &Shape::to_string)
      .def("__repr__", &show_shape)
      .def("to_string", &Shape::to_string, "The shape as a text: \"[1,3,224,224]\".")
      .setattr("__hash__", none);

  bp::class_<Dimension> dimension{
      "Dimension",
      "One extent of a PartialShape: a number `dimension`, an interval from `min_dimension` to "
      "`max_dimension` (-1: no bound), a text\n`str` (\"1..8\"), or unknown: `Dimension()` and "
      "`Dimension(-1)`.\n\nThread safety: immutable, but for its symbol.",
      bp::no_init};
  dimension.def("__init__", &init_unknown);
  def_named(dimension, "__init__", &init_interval,
            (bp::arg("min_dimension"), bp::arg("max_dimension")));
  def_named(dimension, "__init__", &init_dimension, bp::arg("str"), bp::arg("dimension"))
      .def(
          "dynamic", +[] { return Dimension{}; }, "An unknown dimension.")
      .staticmethod("dynamic")
      .add_property("is_static", &Dimension::is_static, "True when it has one possible length.")
      .add_property("is_dynamic", &Dimension::is_dynamic,
                    "True when it has more than one possible length.")
      .add_property("min_length", &Dimension::min_length, "The least possible length.")
      .add_property("max_length", &most, "The greatest possible length; -1 when there is no bound.")
      .def("get_length", &Dimension::length, "The length; RuntimeError when dynamic.")
      .def("get_min_length", &Dimension::min_length, "The same as `min_length`.")
      .def("get_max_length", &most, "The same as `max_length`.")
      .def(
          "compatible",
          +[](const Dimension& a, const Dimension& b) {
            return Dimension::merge(a, b).has_value();
          },
          bp::arg("dim"), "True when this and `dim` can be the same length.")
      .def("relaxes", &contains, bp::arg("dim"),
           "True when it allows all lengths that `dim` allows.")
      .def(
          "refines", +[](const Dimension& a, const Dimension& b) { return contains(b, a); },
          bp::arg("dim"), "True when `dim` allows all lengths that it allows.")
      .def(
          "same_scheme",
          +[](const Dimension& a, const Dimension& b) {
            return a == b || (a.is_dynamic() && b.is_dynamic());
          },
          bp::arg("dim"), "True when this and `dim` are both dynamic, or equal.")
      .def("get_symbol", &symbol_of,
           "The Symbol that was given to this object or to the PartialShape that it is from; "
           "None when none was.")
      .def("has_symbol", &has_symbol, "True when it has a Symbol.")
      .def("set_symbol", &set_symbol, bp::arg("symbol"),
           "Gives it `symbol`, a Symbol, or takes it away: None. Shapes made of it have it too; "
           "models keep none. TypeError for what is\nneither.")
      .def("__len__", &Dimension::length)
      .def("__eq__", &dimensions_equal)
      .def("__ne__", &dimensions_differ)
      .def("__str__", &Dimension::to_string)
      .def(
          "__repr__",
          +[](const Dimension& dimension) { return "<Dimension: " + dimension.to_string() + ">"; })
      .def("__reduce__", &reduce_shape)
      .def("to_string", &Dimension::to_string,
           "The dimension as a text: \"4\", \"?\", \"1..8\" or \"3..\".")
      .setattr("__hash__", none);

  bp::class_<PartialShape>(
      "PartialShape",
      "A shape of which extents, or even the rank, may be unknown: `PartialShape([1, -1, (1, "
      "8)])`,\n"
      "`PartialShape(\"[1,?,1..8]\")`. A dimension is given as an int (-1: unknown), a text, a "
      "Dimension or a tuple (least, most).\n\nThread safety: reading a shared one is safe, "
      "changing it is not.",
      bp::no_init)
      .def("__init__", &init_partial_shape, bp::arg("shape"))
      .def("dynamic", &dynamic_shape, (bp::arg("rank") = none),
           "A shape of which only the `rank` is known, or nothing; TypeError for a rank that is no "
           "dimension.")
      .staticmethod("dynamic")
      .add_property("is_static", &PartialShape::is_static,
                    "True when every dimension has one possible length.")
      .add_property("is_dynamic", &PartialShape::is_dynamic,
                    "True when the rank or a dimension is not known.")
      .add_property(
          "rank", &rank_of,
          "How many dimensions there are, as a Dimension, which is dynamic when that is not known.")
      .add_property("all_non_negative", &all_non_negative,
                    "True when no dimension can be negative, as in every shape that is valid.")
      .def("compatible", &compatible, bp::arg("shape"),
           "True when this and `shape` can be the same shape.")
      .def("refines", &refines, bp::arg("shape"),
           "True when `shape` allows all shapes that it allows.")
      .def("relaxes", &relaxes, bp::arg("shape"),
           "True when it allows all shapes that `shape` allows.")
      .def("same_scheme", &same_scheme, bp::arg("shape"),
           "True when the same dimensions of this and `shape` are dynamic, and the others equal.")
      .def("get_min_shape", &PartialShape::min_shape,
           "A Shape: the least length of each dimension; [] when the rank is not known.")
      .def("get_max_shape", &PartialShape::max_shape,
           "A Shape: the greatest length of each dimension; 2**63 - 1 where there is no bound, [] "
           "when the rank is not known.")
      .def("get_shape", &PartialShape::to_shape, "The Shape; RuntimeError when dynamic.")
      .def("to_shape", &PartialShape::to_shape, "The Shape; RuntimeError when dynamic.")
      .def("get_dimension", &partial_item, bp::arg("index"),
           "The Dimension at `index`; negative ones count from the end. IndexError when there is "
           "none.")
      .def("__len__", &partial_length)
      .def("__getitem__", &partial_item)
      .def("__setitem__", &set_partial_item)
      .def("__iter__", &partial_iterator)
      .def("__eq__", &partials_equal)
      .def("__ne__", &partials_differ)
      .def("__reduce__", &reduce_shape)
      .def("__str__", &PartialShape::to_string)
      .def("__repr__", &show_partial)
      .def("to_string", &PartialShape::to_string, "The shape as a text: \"[1,?,1..8]\".")
      .def(
          "__copy__", +[](const PartialShape& self) { return self; })
      .def(
          "__deepcopy__", +[](const PartialShape& self, const bp::object&) { return self; })
      .setattr("__hash__", none);
}

}  // namespace coinfer::python
