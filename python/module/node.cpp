#include "module/node.hpp"

#include "coinfer/error.hpp"
#include "coinfer/rewire.hpp"
#include "module/array.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/layout.hpp"
#include "module/operator_names.hpp"
#include "module/plain_values.hpp"
#include "module/port_methods.hpp"
#include "module/rt_info.hpp"
#include "module/tensor.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

/// An output of a model's node: names, type and shape are those of now.
struct Output : ConstOutput {
  NodeOutput source;
  explicit Output(NodeOutput of) : ConstOutput{of.port()}, source{std::move(of)} {}
  void refresh() { port = source.port(); }
};

/// A node of a model, or the parameter or result that a compiled model's port stands for.
struct PyNode {
  std::optional<Node> node;
  PortRef port;

  const Node& get() const {
    if (!node) {
      throw Error("the nodes around a compiled model's port are not kept; ask the Model");
    }
    return *node;
  }
};

/// One input of a node.
struct Input {
  Node node;
  std::size_t index;
};

Output* held_output(PyObject* object) noexcept {
  return static_cast<Output*>(
      bp::converter::get_lvalue_from_python(object, bp::converter::registered<Output>::converters));
}

bp::object python_type(ElementType type) {
  return bp::object{bp::handle<>(bp::borrowed(type_object(type)))};
}

// --- Node

std::string name_of_node(const PyNode& self) {
  return self.node ? self.node->friendly_name() : self.port->node_name;
}

void rename(PyNode& self, const std::string& name) { self.get().set_friendly_name(name); }

std::string type_name(const PyNode& self) {
  return self.node ? operator_name(*self.node) : self.port->is_output ? "Result" : "Parameter";
}

bp::object type_info(const PyNode& self) {
  return bp::import("coinfer.type_info").attr("type_info")(type_name(self));
}

std::size_t input_size(const PyNode& self) {
  return self.node ? self.node->input_size() : self.port->is_output ? 1 : 0;
}

std::size_t output_size(const PyNode& self) { return self.node ? self.node->output_size() : 1; }

PortRef port_of(const PyNode& self, std::size_t index) {
  return self.node ? self.node->output(index).port() : self.port;
}

bp::object output_of(const PyNode& self, std::size_t index) {
  return self.node ? wrap_output(self.node->output(index))
                   : bp::object{bp::handle<>(wrap_port(self.port))};
}

bp::list outputs_of(const PyNode& self) {
  bp::list list;
  for (std::size_t i = 0; i < output_size(self); ++i) {
    list.append(output_of(self, i));
  }
  return list;
}

Input input_of(const PyNode& self, std::size_t index) {
  self.get().input_value(index);  // throws when there is none
  return {self.get(), index};
}

bp::list inputs_of(const PyNode& self) {
  bp::list list;
  for (std::size_t i = 0; i < self.get().input_size(); ++i) {
    list.append(input_of(self, i));
  }
  return list;
}

bp::object input_value(const PyNode& self, std::size_t index) {
  return wrap_output(self.get().input_value(index));
}

bp::list input_values(const PyNode& self) {
  bp::list list;
  for (std::size_t i = 0; i < self.get().input_size(); ++i) {
    list.append(input_value(self, i));
  }
  return list;
}

struct AttributeToPython {
  template <class T>
  bp::object operator()(const T& value) const {
    return bp::object{value};
  }
  template <class T>
  bp::object operator()(const std::vector<T>& values) const {
    bp::list list;
    for (const auto& value : values) {
      list.append(value);
    }
    return list;
  }
  // The model's own is never written.
  bp::object operator()(const Tensor& value) const {
    Tensor copy{value.type(), value.shape()};
    value.copy_to(copy);
    return bp::object{copy};
  }
};

bp::dict attributes(const PyNode& self) {
  bp::dict all;
  for (const auto& [name, value] : self.get().attributes()) {
    all[name] = std::visit(AttributeToPython{}, value);
  }
  return all;
}

bp::object data_of(const PyNode& self) {
  const auto tensor = self.get().constant();
  if (!tensor) {
    throw Error(
        fmt::format("{} '{}' has no data; a Constant has", type_name(self), name_of_node(self)));
  }
  const bp::object data = bp::object{tensor}.attr("data");
  data.attr("setflags")(false);  // copies of the model, and what was compiled, read it too
  return data;
}

bp::object values_of(const PyNode& self) { return data_of(self).attr("flatten")(); }

std::size_t bytes_of_data(const PyNode& self) {
  return bp::extract<std::size_t>(data_of(self).attr("nbytes"))();
}

Layout layout_of(const PyNode& self) { return self.node ? Layout{self.node->layout()} : Layout{}; }

void set_layout(const PyNode& self, const bp::object& layout) {
  self.get().set_layout(layout_from(layout.ptr()));
}

bp::object rt_info_of(const PyNode& self) {
  // A compiled model keeps what is noted on its ports, not on their nodes.
  return self.node ? wrap_rt_info(*self.node) : wrap_rt_info(std::make_shared<RtInfo>());
}

void set_rt_info(const PyNode& self, const bp::object& value, const std::string& key) {
  self.get().set_rt_info(key, note_from_python(value));
}

ElementType type_at(const PyNode& self, std::size_t index) { return port_of(self, index)->type; }
PartialShape shape_at(const PyNode& self, std::size_t index) { return port_of(self, index)->shape; }

std::string show_node(const PyNode& self) {
  std::vector<std::string> shapes;
  for (std::size_t i = 0; i < output_size(self); ++i) {
    shapes.push_back(shape_at(self, i).to_string());
  }
  return fmt::format("<{}: '{}' ({})>", type_name(self), name_of_node(self),
                     fmt::join(shapes, ", "));
}

bp::object nodes_equal(const PyNode& self, const bp::object& other) {
  const bp::extract<const PyNode&> that{other};
  return that.check() ? bp::object{self.node == that().node && self.port == that().port}
                      : bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}

std::size_t hash_node(const PyNode& self) {
  return self.node ? (reinterpret_cast<std::size_t>(&self.node->model().inputs()) >> 4U) * 31 +
                         self.node->index() * 8 + static_cast<std::size_t>(self.node->kind())
                   : reinterpret_cast<std::size_t>(self.port.get()) >> 4U;
}

// --- Output

std::size_t output_index(const Output& self) { return self.source.index(); }
bp::object output_node(const Output& self) { return wrap_node(self.source.node()); }

std::vector<std::string> texts_of(const bp::object& names) {
  if (PyUnicode_Check(names.ptr())) {
    throw_type_error("names are a set of str, not a str");
  }
  return texts_from(names, "a name");
}

void set_names(Output& self, const bp::object& names) {
  self.source.set_names(texts_of(names));
  self.refresh();
}

void add_names(Output& self, const bp::object& names) {
  self.refresh();
  auto all = texts_of(names);
  all.insert(all.end(), self.port->names.begin(), self.port->names.end());
  self.source.set_names(std::move(all));
  self.refresh();
}

bp::object target_inputs(const Output& self) {
  auto set = bp::object{bp::handle<>(PySet_New(nullptr))};
  for (auto& [node, index] : self.source.targets()) {
    set.attr("add")(Input{node, index});
  }
  return set;
}

const NodeOutput& output_from(const bp::object& object) {
  const auto* output = output_in(object.ptr());
  if (output == nullptr) {
    throw_type_error(
        fmt::format("an Output of the model was expected, not {}", Py_TYPE(object.ptr())->tp_name));
  }
  return *output;
}

bp::object rt_info_of_output(const Output& self) {
  return wrap_rt_info(self.source.node(), {NotesPlace::Of::output, self.source.index()});
}

void set_rt_info_of_output(const Output& self, const bp::object& value, const std::string& key) {
  self.source.node().set_rt_info(key, note_from_python(value),
                                 {NotesPlace::Of::output, self.source.index()});
}

void replace(Output& self, const bp::object& replacement) {
  replace_tensor(self.source, output_from(replacement));
}

void remove_target_input(const Output&, const Input&) {
  throw Unsupported(
      "an input of a node always reads a tensor; Input.replace_source_output gives it another");
}

bp::object outputs_equal(const Output& self, const bp::object& other) {
  if (const auto* that = held_output(other.ptr())) {
    return bp::object{self.source == that->source};
  }
  const auto* port = port_in(other.ptr());
  return port == nullptr ? bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))}
                         : bp::object{self.port == *port};
}

bp::object outputs_differ(const Output& self, const bp::object& other) {
  auto equal = outputs_equal(self, other);
  return equal.ptr() == Py_NotImplemented ? equal : bp::object{!bp::extract<bool>(equal)()};
}

/// Parameters come before constants, operations, and results.
std::tuple<int, std::size_t, std::size_t> place_of(const Output& output) {
  using enum Node::Kind;
  static constexpr std::array order{parameter, constant, operation, sink, result};
  const auto& node = output.source.node();
  const auto kind = std::find(order.begin(), order.end(), node.kind()) - order.begin();
  return {static_cast<int>(kind), node.index(), output.source.index()};
}

template <class Compare>
struct OutputsCompared {
  static bp::object call(const Output& self, const bp::object& other) {
    const auto* that = held_output(other.ptr());
    const auto place = place_of(that == nullptr ? self : *that);
    return compare_places<Compare>(place_of(self), that == nullptr ? nullptr : &place);
  }
};

std::size_t hash_output(const Output& self) {
  const auto kind = self.source.node().kind();
  return kind == Node::Kind::parameter || kind == Node::Kind::result
             ? reinterpret_cast<std::size_t>(self.port.get()) >> 4U
             : hash_node({self.source.node(), nullptr}) + self.source.index();
}

// --- Input

PortRef source_port(const Input& self) { return self.node.input_value(self.index).port(); }

bp::object rt_info_of_input(const Input& self) {
  return wrap_rt_info(self.node, {NotesPlace::Of::input, self.index});
}

void set_rt_info_of_input(const Input& self, const bp::object& value, const std::string& key) {
  self.node.set_rt_info(key, note_from_python(value), {NotesPlace::Of::input, self.index});
}

void replace_source_output(const Input& self, const bp::object& source) {
  replace_input(self.node, self.index, output_from(source));
}

bp::object inputs_equal(const Input& self, const bp::object& other) {
  const bp::extract<const Input&> that{other};
  return that.check() ? bp::object{self.node == that().node && self.index == that().index}
                      : bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}

std::string show_input(const Input& self) {
  const auto port = source_port(self);
  return fmt::format("<Input: shape{} type: {}>", port->shape.to_string(), name_of(port->type));
}

}  // namespace

bp::object wrap_output(NodeOutput output) { return bp::object{Output{std::move(output)}}; }

bp::list wrap_outputs(const Model& model, bool outputs) {
  bp::list list;
  const auto kind = outputs ? Node::Kind::result : Node::Kind::parameter;
  for (std::size_t i = 0; i < (outputs ? model.outputs() : model.inputs()).size(); ++i) {
    list.append(wrap_output({Node{model, kind, i}, 0}));
  }
  return list;
}

const NodeOutput* output_in(PyObject* object) noexcept {
  const auto* held = held_output(object);
  return held == nullptr ? nullptr : &held->source;
}

bp::object wrap_node(Node node) { return bp::object{PyNode{std::move(node), nullptr}}; }
bp::object wrap_port_node(const PortRef& port) { return bp::object{PyNode{std::nullopt, port}}; }

const Node* node_in(PyObject* object) noexcept {
  const auto* held = static_cast<const PyNode*>(
      bp::converter::get_lvalue_from_python(object, bp::converter::registered<PyNode>::converters));
  return held == nullptr || !held->node ? nullptr : &*held->node;
}

bool refresh_output(PyObject* object) noexcept {
  auto* held = held_output(object);
  if (held == nullptr) {
    return false;
  }
  try {
    held->refresh();
  } catch (const std::exception&) {
    return true;  // taken out of its model: it stays what it was
  }
  return true;
}

void register_nodes() {
  bp::class_<Output, bp::bases<ConstOutput>> outputs(
      "Output",
      "An output of a node, or an input or output of a model: its names, element type and shape as "
      "they are now.\n\nThread safety: as for Model.",
      bp::no_init);
  outputs.add_property("index", &output_index, "Which of its node's outputs it is.")
      .add_property("node", &output_node, "The Node that makes it.")
      .add_property("target_inputs", &target_inputs, "The Inputs that read it, a set.")
      .add_property("rt_info", &rt_info_of_output, "Notes on the tensor, an RTMap.")
      .def("get_rt_info", &rt_info_of_output, "The same as `rt_info`.")
      .def("set_rt_info", &set_rt_info_of_output, (bp::arg("value"), bp::arg("key")),
           "Notes `value`, a bool, number, text, list of one of these or dict, as `key` on the "
           "tensor; TypeError for another value.")
      .def("get_index", &output_index, "The same as `index`.")
      .def("get_node", &output_node, "The same as `node`.")
      .def("get_target_inputs", &target_inputs, "The same as `target_inputs`.")
      .def("set_names", &set_names, bp::arg("names"),
           "Gives the tensor the `names`, a set of str, instead of its own; RuntimeError when "
           "another tensor has "
           "one of them.")
      .def("add_names", &add_names, bp::arg("names"),
           "Gives the tensor these `names` too; RuntimeError when another tensor has one of them.")
      .def("replace", &replace, bp::arg("replacement"),
           "Lets all that reads this tensor read `replacement`, an Output of the same model, which "
           "gets its names too. What nothing\nneeds then is dropped, and all is inferred anew. "
           "RuntimeError, the model as before, for a cycle, another model's Output, and\nwhat "
           "cannot be inferred; TypeError for no Output.")
      .def("remove_target_input", &remove_target_input, bp::arg("target_input"),
           "Raises coinfer.Unsupported: `target_input` would read nothing then.")
      .def("__hash__", &hash_output)
      .def("__eq__", &outputs_equal)
      .def("__ne__", &outputs_differ)
      .def("__repr__", +[](const Output& self) { return show_port("Output", *self.port); });
  define_order<OutputsCompared>(outputs);

  bp::class_<Input>("Input", "An input of a node.\n\nThread safety: as for Model.", bp::no_init)
      .def(
          "get_source_output",
          +[](const Input& self) { return wrap_output(self.node.input_value(self.index)); },
          "The Output that it reads.")
      .def("replace_source_output", &replace_source_output, bp::arg("new_source_output"),
           "Lets it read `new_source_output`, an Output of the same model, and infers all anew; "
           "nodes may change their order.\nRuntimeError, the model as before, for a cycle, another "
           "model's Output, and what cannot be inferred; TypeError for no Output.")
      .add_property(
          "tensor",
          +[](const Input& self) { return wrap_output(self.node.input_value(self.index)); },
          "The tensor that it reads, as `get_source_output()` has it.")
      .def(
          "get_tensor",
          +[](const Input& self) { return wrap_output(self.node.input_value(self.index)); },
          "The same as `tensor`.")
      .add_property("rt_info", &rt_info_of_input, "Notes on the input, an RTMap.")
      .def("get_rt_info", &rt_info_of_input, "The same as `rt_info`.")
      .def("set_rt_info", &set_rt_info_of_input, (bp::arg("value"), bp::arg("key")),
           "Notes `value`, a bool, number, text, list of one of these or dict, as `key` on the "
           "input; TypeError for another value.")
      .def(
          "get_node", +[](const Input& self) { return wrap_node(self.node); },
          "The Node that it belongs to.")
      .def(
          "get_index", +[](const Input& self) { return self.index; },
          "Which of its node's inputs it is.")
      .def(
          "get_element_type",
          +[](const Input& self) { return python_type(source_port(self)->type); },
          "The coinfer.Type of the tensor that it reads.")
      .def(
          "get_partial_shape", +[](const Input& self) { return source_port(self)->shape; },
          "The PartialShape of the tensor that it reads.")
      .def(
          "get_shape", +[](const Input& self) { return source_port(self)->shape.to_shape(); },
          "The Shape of the tensor that it reads; RuntimeError when it is dynamic.")
      .def(
          "__hash__",
          +[](const Input& self) { return hash_node({self.node, nullptr}) * 31 + self.index; })
      .def("__eq__", &inputs_equal)
      .def("__repr__", &show_input);

  bp::class_<PyNode>(
      "Node",
      "A parameter, result, constant, operation or sink of a model. Valid until "
      "nodes are added to its "
      "model or taken\naway: then it is another, or a RuntimeError. Thread safety: as for Model.",
      bp::no_init)
      .add_property(
          "friendly_name", &name_of_node, &rename,
          "The name; settable. RuntimeError for a Constant, which is named by its tensor.")
      .add_property("name", &name_of_node, "The same as `friendly_name`.")
      .add_property(
          "shape", +[](const PyNode& self) { return shape_at(self, 0).to_shape(); },
          "The Shape of its first output; RuntimeError when it has none or it is dynamic.")
      .add_property("rt_info", &rt_info_of, "Notes on the node, an RTMap.")
      .add_property("layout", &layout_of, &set_layout,
                    "The Layout of a parameter or result; settable. RuntimeError for setting that "
                    "of another node, or one of another rank.")
      .add_property("data", &data_of,
                    "A read-only array: the value of a Constant, of its shape and element type. "
                    "RuntimeError for another node.")
      .add_property(
          "element_type", +[](const PyNode& self) { return python_type(type_at(self, 0)); },
          "The coinfer.Type of its first output; RuntimeError when it has none.")
      .add_property(
          "partial_shape", +[](const PyNode& self) { return shape_at(self, 0); },
          "The PartialShape of its first output; RuntimeError when it has none.")
      .def("get_data", &data_of, "The same as `data`.")
      .def("get_vector", &values_of,
           "A copy of the value of a Constant as an array [elements] of its element type; "
           "RuntimeError for another node.")
      .def("get_byte_size", &bytes_of_data,
           "How many bytes the value of a Constant has; RuntimeError for another node.")
      .def(
          "get_shape", +[](const PyNode& self) { return shape_at(self, 0).to_shape(); },
          "The same as `shape`.")
      .def("get_friendly_name", &name_of_node, "The same as `friendly_name`.")
      .def("set_friendly_name", &rename, bp::arg("name"), "The same as setting `friendly_name`.")
      .def("get_name", &name_of_node, "The same as `friendly_name`.")
      .def("get_type_name", &type_name,
           "The operator by OpenVINO's name: \"Convolution\"; \"Parameter\", \"Result\", "
           "\"Constant\" or "
           "\"Assign\". An operator that OpenVINO does not have keeps ONNX's.")
      .def("get_type_info", &type_info,
           "The operator's name and the opset of OpenVINO that it is of, a DiscreteTypeInfo.")
      .add_property("type_info", &type_info, "The same as `get_type_info()`.")
      .def("get_input_tensor", &input_value, bp::arg("index"),
           "The Output that input `index` reads, as `input_value(index)` has it; RuntimeError when "
           "there is none.")
      .def("get_output_tensor", &output_of, bp::arg("index"),
           "The Output `index`, as `output(index)` has it; RuntimeError when there is none.")
      .def("get_input_size", &input_size, "How many inputs it has.")
      .def("get_output_size", &output_size, "How many outputs it has.")
      .def("input", &input_of, bp::arg("input_index"),
           "The Input `input_index`; RuntimeError when there is none. Inputs that are left out are "
           "not counted.")
      .def("inputs", &inputs_of,
           "All Inputs that are not left out, a list. RuntimeError for the node of a "
           "compiled\nmodel's port, of which no others are kept.")
      .def("input_value", &input_value, bp::arg("index"),
           "The Output that input `index` reads; RuntimeError when there is none.")
      .def("input_values", &input_values,
           "The Outputs that its inputs read, a list. RuntimeError for the node of a "
           "compiled\nmodel's port, of which no others are kept.")
      .def("output", &output_of, bp::arg("output_index"),
           "The Output `output_index`; RuntimeError when there is none.")
      .def("outputs", &outputs_of, "All Outputs, a list.")
      .def("get_attributes", &attributes,
           "The operator's attributes by name, a dict of numbers, texts, Tensors and lists of "
           "these. RuntimeError for the node of a\ncompiled model's port.")
      .def("get_rt_info", &rt_info_of, "The same as `rt_info`.")
      .def("set_rt_info", &set_rt_info, (bp::arg("value"), bp::arg("key")),
           "Notes `value`, a bool, number, text, list of one of these or dict, as `key`; TypeError "
           "for another value, RuntimeError for\nthe node of a compiled model's port.")
      .def("get_layout", &layout_of, "The same as `layout`.")
      .def("set_layout", &set_layout, bp::arg("layout"), "The same as setting `layout`.")
      .def(
          "get_element_type", +[](const PyNode& self) { return python_type(type_at(self, 0)); },
          "The same as `element_type`.")
      .def(
          "get_output_element_type",
          +[](const PyNode& self, std::size_t i) { return python_type(type_at(self, i)); },
          bp::arg("index"), "The coinfer.Type of output `index`; RuntimeError when there is none.")
      .def("get_output_partial_shape", &shape_at, bp::arg("index"),
           "The PartialShape of output `index`; RuntimeError when there is none.")
      .def(
          "get_output_shape",
          +[](const PyNode& self, std::size_t i) { return shape_at(self, i).to_shape(); },
          bp::arg("index"),
          "The Shape of output `index`; RuntimeError when there is none or it is dynamic.")
      .def(
          "get_input_element_type",
          +[](const PyNode& self, std::size_t i) {
            return python_type(source_port(input_of(self, i))->type);
          },
          bp::arg("index"), "The coinfer.Type of input `index`; RuntimeError when there is none.")
      .def(
          "get_input_partial_shape",
          +[](const PyNode& self, std::size_t i) { return source_port(input_of(self, i))->shape; },
          bp::arg("index"), "The PartialShape of input `index`; RuntimeError when there is none.")
      .def(
          "get_input_shape",
          +[](const PyNode& self, std::size_t i) {
            return source_port(input_of(self, i))->shape.to_shape();
          },
          bp::arg("index"),
          "The Shape of input `index`; RuntimeError when there is none or it is dynamic.")
      .def(
          "get_partial_shape", +[](const PyNode& self) { return shape_at(self, 0); },
          "The same as `partial_shape`.")
      .def("__eq__", &nodes_equal)
      .def("__hash__", &hash_node)
      .def("__repr__", &show_node);
}

}  // namespace coinfer::python
