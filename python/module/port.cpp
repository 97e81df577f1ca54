#include "module/port.hpp"

#include "coinfer/error.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/node.hpp"
#include "module/plain_values.hpp"
#include "module/port_methods.hpp"
#include "module/rt_info.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

/// Python calls Output's inherited methods with a ConstOutput that may be out of date.
const Port& of(const bp::object& self) {
  const auto* port = port_in(self.ptr());
  if (port == nullptr) {
    throw_type_error(fmt::format("a port was expected, not {}", Py_TYPE(self.ptr())->tp_name));
  }
  return **port;
}

std::string any_name(const bp::object& self) { return of(self).any_name(); }

bp::object names(const bp::object& self) {
  auto set = bp::object{bp::handle<>(PySet_New(nullptr))};
  for (const auto& name : of(self).names) {
    PySet_Add(set.ptr(), bp::str(name).ptr());
  }
  return set;
}

bp::object element_type(const bp::object& self) {
  return bp::object{bp::handle<>(bp::borrowed(type_object(of(self).type)))};
}
PartialShape partial_shape(const bp::object& self) { return of(self).shape; }
Shape shape(const bp::object& self) { return of(self).shape.to_shape(); }
std::size_t index_of(const ConstOutput&) { return 0; }
// Immutable.
bp::object same(const bp::object& self) { return self; }
bp::object same_deeply(const bp::object& self, const bp::object& /*memo*/) { return self; }
bp::object node(const ConstOutput& self) { return wrap_port_node(self.port); }
bp::object rt_info_of(const ConstOutput& self) { return wrap_rt_info(self.port->rt_info); }
bp::object no_targets(const ConstOutput&) { return bp::object{bp::handle<>(PySet_New(nullptr))}; }

std::intptr_t hash(const ConstOutput& self) {
  return reinterpret_cast<std::intptr_t>(self.port.get()) >> 4;
}

bp::object equal(const ConstOutput& self, const bp::object& other) {
  const auto* that = port_in(other.ptr());
  return that == nullptr ? bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))}
                         : bp::object{self.port == *that};
}

bp::object differ(const ConstOutput& self, const bp::object& other) {
  const auto* that = port_in(other.ptr());
  return that == nullptr ? bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))}
                         : bp::object{self.port != *that};
}

/// Inputs come before outputs.
std::pair<bool, std::size_t> place_of(const Port& port) { return {port.is_output, port.index}; }

template <class Compare>
struct PortsCompared {
  static bp::object call(const ConstOutput& self, const bp::object& other) {
    const auto* that = port_in(other.ptr());
    const auto place = place_of(that == nullptr ? *self.port : **that);
    return compare_places<Compare>(place_of(*self.port), that == nullptr ? nullptr : &place);
  }
};

PyObject* int_object(std::size_t value) { return checked(PyLong_FromSize_t(value)); }

/// {name | index | port: index}
PyRef index_of_ports(const std::vector<PortRef>& ports, PyObject* objects, bool negative) {
  auto table = PyRef::steal(checked(PyDict_New()));
  const auto add = [&](const PyRef& key, PyObject* value) {
    if (PyDict_SetDefault(table.get(), key.get(), value) == nullptr) {
      throw bridge::PythonError{};
    }
  };
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto value = PyRef::steal(int_object(i));
    add(value, value.get());
    if (negative) {
      add(PyRef::steal(checked(PyLong_FromSsize_t(static_cast<Py_ssize_t>(i) -
                                                  static_cast<Py_ssize_t>(ports.size())))),
          value.get());
    }
    add(PyRef::borrow(PyTuple_GET_ITEM(objects, static_cast<Py_ssize_t>(i))), value.get());
    for (const auto& name : ports[i]->names) {
      auto* text = checked(PyUnicode_DecodeUTF8(name.data(), static_cast<Py_ssize_t>(name.size()),
                                                "surrogateescape"));
      PyUnicode_InternInPlace(&text);
      add(PyRef::steal(text), value.get());
    }
  }
  return table;
}

PyRef tuple_of_ports(const std::vector<PortRef>& ports) {
  auto objects = PyRef::steal(checked(PyTuple_New(static_cast<Py_ssize_t>(ports.size()))));
  for (std::size_t i = 0; i < ports.size(); ++i) {
    PyTuple_SET_ITEM(objects.get(), static_cast<Py_ssize_t>(i), wrap_port(ports[i]));
  }
  return objects;
}

bp::object itself(const bp::object& port) { return port; }

std::int64_t size_of_port(const bp::object& port) {
  return (*port_in(port.ptr()))->shape.to_shape().elements();
}

}  // namespace

const PortRef* port_in(PyObject* object) noexcept {
  refresh_output(object);
  const auto* held = static_cast<const ConstOutput*>(bp::converter::get_lvalue_from_python(
      object, bp::converter::registered<ConstOutput>::converters));
  return held == nullptr ? nullptr : &held->port;
}

PyObject* wrap_port(const PortRef& port) { return bp::incref(bp::object{ConstOutput{port}}.ptr()); }

std::string show_port(const char* kind, const Port& port) {
  auto names = port.names;
  std::sort(names.begin(), names.end());
  return fmt::format("<{}: names[{}] shape{} type: {}>", kind, fmt::join(names, ", "),
                     port.shape.to_string(), name_of(port.type));
}

std::string describe_port(const Port& port) {
  const auto* kind = port.is_output ? "output" : "input";
  const auto name =
      port.names.empty() ? std::to_string(port.index) : fmt::format("'{}'", port.names.front());
  return fmt::format("{} {} ({} {})", kind, name, name_of(port.type), port.shape.to_string());
}

std::string show_ports(const std::vector<PortRef>& inputs, const std::vector<PortRef>& outputs) {
  const auto list = [](const std::vector<PortRef>& ports) {
    std::vector<std::string> texts;
    texts.reserve(ports.size());
    for (const auto& port : ports) {
      texts.push_back(show_port("ConstOutput", *port));
    }
    return fmt::format("{}", fmt::join(texts, ",\n"));
  };
  return fmt::format("inputs[\n{}\n]\noutputs[\n{}\n]", list(inputs), list(outputs));
}

std::string list_names(const std::vector<PortRef>& ports) {
  std::vector<std::string> texts;
  texts.reserve(ports.size());
  for (const auto& port : ports) {
    texts.push_back(port->names.empty() ? std::to_string(port->index)
                                        : fmt::format("'{}'", port->names.front()));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

PortTable::PortTable(CompiledModel model) : model_{std::move(model)} {
  inputs_ = tuple_of_ports(inputs());
  outputs_ = tuple_of_ports(outputs());
  input_index_ = index_of_ports(inputs(), inputs_.get(), false);
  const auto output_index = index_of_ports(outputs(), outputs_.get(), true);
  results_table_ = PyRef::steal(checked(PyTuple_Pack(2, outputs_.get(), output_index.get())));
}

std::size_t PortTable::find_input(PyObject* key) const {
  if (key == Py_None) {  // what a model's only input may be called
    check_single(inputs(), false);
    return 0;
  }
  // Equal numbers of other types have the same hash.
  if (!PyUnicode_Check(key) && !PyLong_Check(key) && port_in(key) == nullptr) {
    throw_type_error(fmt::format("inputs are named by str, int or ConstOutput, not by {}",
                                 Py_TYPE(key)->tp_name));
  }
  if (auto* found = PyDict_GetItemWithError(input_index_.get(), key)) {
    return PyLong_AsSize_t(found);
  }
  if (PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  if (PyUnicode_Check(key)) {
    throw Error(
        fmt::format("the model has no input '{}'; it has {}", utf8_of(key), list_names(inputs())));
  }
  if (PyLong_Check(key)) {
    const auto index = PyLong_AsLongLong(key);
    PyErr_Clear();
    throw Error(fmt::format("the model has no input {}; it has {} inputs: {}", index,
                            inputs().size(), list_names(inputs())));
  }
  const auto& port = *port_in(key);
  // A port of the model that was compiled means the same input.
  if (!port->is_output && port->index < inputs().size() &&
      inputs()[port->index]->names == port->names) {
    return port->index;
  }
  throw Error(fmt::format("{} is no input of this model; it has {}", describe_port(*port),
                          list_names(inputs())));
}

PyObject* PortTable::input_port(std::size_t index) const {
  return bp::incref(PyTuple_GET_ITEM(inputs_.get(), static_cast<Py_ssize_t>(index)));
}

PyObject* PortTable::output_port(std::size_t index) const {
  return bp::incref(PyTuple_GET_ITEM(outputs_.get(), static_cast<Py_ssize_t>(index)));
}

void check_single(const std::vector<PortRef>& ports, bool output) {
  if (ports.size() != 1) {
    throw Error(fmt::format("which {0} is meant? The model has {1}: {2}",
                            output ? "output" : "input", ports.size(), list_names(ports)));
  }
}

std::size_t port_index(PyObject* key, bool output) {
  if (!PyLong_Check(key) && !PyIndex_Check(key)) {
    throw_type_error(
        fmt::format("{} is no index of an {}", Py_TYPE(key)->tp_name, output ? "output" : "input"));
  }
  const auto index = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (index == -1 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  if (index < 0) {
    throw_type_error(fmt::format("there is no {0} {1}; {0}s are counted from 0",
                                 output ? "output" : "input", index));
  }
  return static_cast<std::size_t>(index);
}

void check_key(const bp::object& key, const char* method) {
  if (key.is_none()) {
    throw_type_error(fmt::format("{}() takes a name or an index, not None", method));
  }
}

void register_ports() {
  bp::class_<ConstOutput> ports(
      "ConstOutput",
      "An input or output of a compiled model: its names, element type and "
      "shape.\n\nThread safety: immutable.",
      bp::no_init);
  ports.add_property("any_name", &any_name, "The first name; RuntimeError when it has none.")
      .add_property("names", &names, "All tensor names, a set.")
      .add_property("element_type", &element_type, "The coinfer.Type of the tensor's elements.")
      .add_property(
          "partial_shape", &partial_shape,
          "The tensor's shape, a PartialShape: what is dynamic may be anything within its bounds.")
      .add_property("shape", &shape, "The tensor's Shape; RuntimeError when it is dynamic.")
      .add_property("index", &index_of, "Which of its node's outputs it is.")
      .add_property("node", &node, "The parameter or result that it stands for, a Node.")
      .add_property("rt_info", &rt_info_of, "Notes on the tensor, an RTMap.")
      .add_property("tensor", &itself,
                    "Its tensor's names, element type and shape: the port itself has them.")
      .def("get_tensor", &itself, "The same as `tensor`.")
      .add_property("size", &size_of_port,
                    "How many elements it has; RuntimeError when its shape is dynamic.")
      .def("get_size", &size_of_port, "The same as `size`.")
      .def("get_any_name", &any_name, "The same as `any_name`.")
      .def("get_names", &names, "The same as `names`.")
      .def("get_element_type", &element_type, "The same as `element_type`.")
      .def("get_partial_shape", &partial_shape, "The same as `partial_shape`.")
      .def("get_shape", &shape, "The same as `shape`.")
      .def("get_index", &index_of, "The same as `index`.")
      .def("get_node", &node, "The same as `node`.")
      .def("get_rt_info", &rt_info_of, "The same as `rt_info`.")
      .add_property("target_inputs", &no_targets, "The Inputs that read it: none are kept.")
      .def("get_target_inputs", &no_targets, "The same as `target_inputs`.")
      .def("__copy__", &same)
      .def("__deepcopy__", &same_deeply)
      .def("__hash__", &hash)
      .def("__eq__", &equal)
      .def("__ne__", &differ)
      .def(
          "__repr__",
          +[](const ConstOutput& self) { return show_port("ConstOutput", *self.port); });
  define_order<PortsCompared>(ports);
}

}  // namespace coinfer::python
