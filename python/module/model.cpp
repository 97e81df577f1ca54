#include "module/model.hpp"

#include "coinfer/compiled_model.hpp"
#include "coinfer/core.hpp"
#include "coinfer/error.hpp"
#include "module/exceptions.hpp"
#include "module/model_surgery.hpp"
#include "module/node.hpp"
#include "module/overloads.hpp"
#include "module/plain_values.hpp"
#include "module/rt_info.hpp"
#include "module/shape.hpp"
#include "module/tensor.hpp"
#include "module/variable.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

// --- ports and nodes

bp::list inputs(const PyModel& self) { return wrap_outputs(self.get(), false); }
bp::list outputs(const PyModel& self) { return wrap_outputs(self.get(), true); }

bp::object port_of(const PyModel& self, const bp::object& key, bool output) {
  const auto& model = self.get();
  const auto kind = output ? Node::Kind::result : Node::Kind::parameter;
  return wrap_output({Node{model, kind, find_port(model, key, output)->index}, 0});
}
bp::object input(const PyModel& self, const bp::object& key) {
  check_key(key, "Model.input");
  return port_of(self, key, false);
}
bp::object output(const PyModel& self, const bp::object& key) {
  check_key(key, "Model.output");
  return port_of(self, key, true);
}
bp::object only_input(const PyModel& self) { return port_of(self, {}, false); }
bp::object only_output(const PyModel& self) { return port_of(self, {}, true); }

bp::list nodes(const PyModel& self, std::initializer_list<Node::Kind> kinds) {
  bp::list list;
  for (const auto& node : nodes_of(self.get())) {
    if (kinds.size() == 0 || std::find(kinds.begin(), kinds.end(), node.kind()) != kinds.end()) {
      list.append(wrap_node(node));
    }
  }
  return list;
}

bp::list parameters(const PyModel& self) { return nodes(self, {Node::Kind::parameter}); }
bp::list results(const PyModel& self) { return nodes(self, {Node::Kind::result}); }
bp::list ordered_ops(const PyModel& self) { return nodes(self, {}); }

bp::object result(const PyModel& self) {
  check_single(self.get().outputs(), true);
  return results(self)[0];
}

bp::list sinks(const PyModel& self) { return nodes(self, {Node::Kind::sink}); }

bp::list variables(const PyModel& self) {
  bp::list list;
  for (auto& info : variables_of(self.get())) {
    list.append(bp::object{PyVariable{std::move(info)}});
  }
  return list;
}

bp::object variable_by_id(const PyModel& self, const std::string& id) {
  for (auto& info : variables_of(self.get())) {
    if (info.name == id) {
      return bp::object{PyVariable{std::move(info)}};
    }
  }
  return {};
}

std::size_t output_size(const PyModel& self) { return self.get().outputs().size(); }

bp::object output_op(const PyModel& self, std::size_t index) {
  return wrap_node({self.get(), Node::Kind::result, self.get().output(index)->index});
}

std::int64_t node_index(const PyModel& self, const bp::object& node, Node::Kind kind) {
  const auto* output = output_in(node.ptr());
  const auto* known = output != nullptr ? &output->node() : node_in(node.ptr());
  if (known == nullptr) {
    throw_type_error(fmt::format("a Node or Output of the model was expected, not {}",
                                 Py_TYPE(node.ptr())->tp_name));
  }
  return known->kind() == kind && known->model() == self.get()
             ? static_cast<std::int64_t>(known->index())
             : -1;
}

std::int64_t parameter_index(const PyModel& self, const bp::object& node) {
  return node_index(self, node, Node::Kind::parameter);
}
std::int64_t result_index(const PyModel& self, const bp::object& node) {
  return node_index(self, node, Node::Kind::result);
}

// --- surgery

void add_output(PyModel& self, const bp::object& what, bp::list& added) {
  auto& model = self.get();
  PortRef port;
  if (const auto* output = output_in(what.ptr())) {
    port = model.add_output(*output);
  } else if (PyUnicode_Check(what.ptr())) {
    port = model.add_output(std::string{bp::extract<std::string>(what)()});
  } else if (PyTuple_Check(what.ptr()) && bp::len(what) == 2) {
    const std::string name{text_from(bp::object{what[0]}.ptr(), "an operation's name")};
    const bp::object index{what[1]};
    port = model.add_output(name, port_index(index.ptr(), true));
  } else {
    throw_type_error(fmt::format(
        "an output is given as a tensor's name, an Output or a tuple (operation's name, "
        "index), not as {}",
        Py_TYPE(what.ptr())->tp_name));
  }
  added.append(wrap_output({Node{model, Node::Kind::result, port->index}, 0}));
}

bp::list add_outputs(PyModel& self, const bp::object& given) {
  bp::list added;
  if (!PyList_Check(given.ptr())) {
    add_output(self, given, added);
    return added;
  }
  for (bp::ssize_t i = 0; i < bp::len(given); ++i) {
    add_output(self, given[i], added);
  }
  return added;
}

void check_kind(const bp::object& object, Node::Kind kind, const char* what) {
  const auto* node = node_in(object.ptr());
  if (node == nullptr || node->kind() != kind) {
    const std::string shown = bp::extract<std::string>(object.attr("__repr__")());
    throw_type_error(fmt::format("a {} of the model was expected, not {}", what, shown));
  }
}

void remove_result(PyModel& self, const bp::object& result) {
  check_kind(result, Node::Kind::result, "Result");
  const auto index = result_index(self, result);
  if (index < 0) {
    throw Error("the node is no result of this model");
  }
  self.get().remove_output(static_cast<std::size_t>(index));
}

void remove_parameter(PyModel& self, const bp::object& parameter) {
  check_kind(parameter, Node::Kind::parameter, "Parameter");
  const auto index = parameter_index(self, parameter);
  if (index < 0) {
    throw Error("the node is no parameter of this model");
  }
  self.get().remove_input(static_cast<std::size_t>(index));
}

/// The input that a key of Model.reshape's dict means.
std::size_t input_index(const Model& model, const bp::object& key) {
  if (const auto* port = port_in(key.ptr())) {
    if ((*port)->is_output) {
      throw Error(fmt::format("{} is no input of the model", describe_port(**port)));
    }
    return model.input((*port)->index)->index;
  }
  check_key(key, "Model.reshape");
  if (PyLong_Check(key.ptr()) != 0 && integer_from(key.ptr(), "an index") < 0) {
    throw Error(fmt::format("there is no input {}; inputs are counted from 0",
                            integer_from(key.ptr(), "an index")));
  }
  return find_port(model, key, false)->index;
}

/// What is wrong with a shape says which input it was for.
PartialShape shape_for(const Port& port, const bp::object& value) {
  try {
    return partial_shape_from(value.ptr());
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", describe_port(port), error.what()));
  } catch (const bridge::PythonError&) {
    if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) {
      throw;
    }
    PyObject *raw_type = nullptr, *raw_value = nullptr, *raw_traceback = nullptr;
    PyErr_Fetch(&raw_type, &raw_value, &raw_traceback);
    const auto held = std::array{bridge::PyRef::steal(raw_type), bridge::PyRef::steal(raw_value),
                                 bridge::PyRef::steal(raw_traceback)};
    const bp::str text{bp::object{bp::handle<>(bp::borrowed(raw_value))}};
    throw_type_error(fmt::format("{}: {}", describe_port(port), utf8_of(text.ptr())));
  }
}

/// Model.reshape's inputs: one shape of a model with one input, or a dict by name, index or port.
std::vector<std::pair<std::size_t, PartialShape>> shapes_from(const Model& model,
                                                              const bp::object& given) {
  std::vector<std::pair<std::size_t, PartialShape>> shapes;
  if (!PyDict_Check(given.ptr())) {
    const auto shape = partial_shape_from(given.ptr());
    check_single(model.inputs(), false);
    shapes.emplace_back(0, shape);
    return shapes;
  }
  const bp::list items = bp::dict{given}.items();
  for (bp::ssize_t i = 0; i < bp::len(items); ++i) {
    const auto index = input_index(model, bp::object{items[i][0]});
    shapes.emplace_back(index, shape_for(*model.inputs()[index], bp::object{items[i][1]}));
  }
  return shapes;
}

/// Model.reshape's variables. What the model has no variable for is passed over, as in OpenVINO.
std::vector<std::pair<std::string, PartialShape>> variable_shapes_from(const Model& model,
                                                                       const bp::object& given) {
  if (!PyDict_Check(given.ptr())) {
    throw_type_error(
        fmt::format("variables_shapes is a dict, not {}", Py_TYPE(given.ptr())->tp_name));
  }
  const auto variables = variables_of(model);
  std::vector<std::pair<std::string, PartialShape>> shapes;
  const bp::list items = bp::dict{given}.items();
  for (bp::ssize_t i = 0; i < bp::len(items); ++i) {
    const bp::object key{items[i][0]};
    const bp::object value{items[i][1]};
    if (!PyUnicode_Check(key.ptr())) {
      throw_type_error(fmt::format("a key of variables_shapes is the name of a variable, not {}",
                                   Py_TYPE(key.ptr())->tp_name));
    }
    std::string name{utf8_of(key.ptr())};
    auto shape = partial_shape_from(value.ptr());
    if (std::any_of(variables.begin(), variables.end(),
                    [&](const auto& variable) { return variable.name == name; })) {
      shapes.emplace_back(std::move(name), std::move(shape));
    }
  }
  return shapes;
}

void reshape(PyModel& self, const bp::object& shapes, const bp::object& variables) {
  auto& model = self.get();
  auto wanted_variables = variable_shapes_from(model, variables);
  const auto wanted = shapes_from(model, shapes);
  // As in OpenVINO, where nothing is done when no input changes.
  if (std::all_of(wanted.begin(), wanted.end(), [&](const auto& shape) {
        return model.input(shape.first)->shape == shape.second;
      })) {
    wanted_variables.clear();
  }
  const bridge::GilReleased released;
  model.reshape(wanted, wanted_variables);
}

void validate(PyModel& self) {
  auto& model = self.get();
  const bridge::GilReleased released;
  model.validate();
}

bool evaluate(const PyModel& self, const bp::object& outputs, const bp::object& inputs,
              const bp::object& /*context*/) {
  const auto& model = self.get();
  const auto tensors_of = [](const bp::object& given, std::size_t count, const char* what) {
    std::vector<Tensor> tensors;
    for (bp::stl_input_iterator<bp::object> item{given}, end; item != end; ++item) {
      const auto* tensor = tensor_in((*item).ptr());
      if (tensor == nullptr) {
        throw_type_error(fmt::format("a Tensor was expected among the {}s, not {}", what,
                                     Py_TYPE((*item).ptr())->tp_name));
      }
      tensors.push_back(*tensor);
    }
    if (tensors.size() != count) {
      throw Error(fmt::format("{} {}s were given, the model has {}", tensors.size(), what, count));
    }
    return tensors;
  };
  const auto in = tensors_of(inputs, model.inputs().size(), "input");
  const auto out = tensors_of(outputs, model.outputs().size(), "output");
  const bridge::GilReleased released;
  auto request = Core{}.compile_model(model).create_infer_request();
  for (std::size_t i = 0; i < in.size(); ++i) {
    request.set_input_tensor(i, in[i]);
  }
  request.infer();
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto target = out[i];
    request.output_tensor(i).copy_to(target);
  }
  return true;
}

// --- names and notes

bool is_dynamic(const PyModel& self) { return self.get().is_dynamic(); }
std::string name(const PyModel& self) { return self.get().friendly_name(); }
void rename(PyModel& self, const std::string& name) { self.get().set_friendly_name(name); }

std::vector<std::string> path_from(const bp::object& path) {
  if (PyUnicode_Check(path.ptr())) {
    return {std::string{utf8_of(path.ptr())}};
  }
  if (!PyList_Check(path.ptr()) && !PyTuple_Check(path.ptr())) {
    throw_type_error(fmt::format("the path of a note is a str or a list of str, not {}",
                                 Py_TYPE(path.ptr())->tp_name));
  }
  return texts_from(path, "a name in the path of a note");
}

bp::object all_rt_info(const PyModel& self) { return wrap_rt_info(self.get()); }

bp::object get_rt_info(const PyModel& self, const bp::object& path) {
  const auto names = path_from(path);
  const auto* info = self.get().rt_info().find(names);
  if (info == nullptr) {
    throw Error(fmt::format("the model has no runtime info '{}'", fmt::join(names, ".")));
  }
  return note_to_python(*info);
}

bool has_rt_info(const PyModel& self, const bp::object& path) {
  const auto names = path_from(path);
  const auto& info = self.get().rt_info();
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto* above = info.find(std::span{names}.first(i));
    if (above != nullptr && above->entries.empty()) {
      throw Error(fmt::format("the note '{}' of the model is a value, and holds no others",
                              fmt::join(std::span{names}.first(i), ".")));
    }
  }
  return info.find(names) != nullptr;
}

void set_rt_info(PyModel& self, const bp::object& value, const bp::object& path) {
  const auto names = path_from(path);
  self.get().set_rt_info(names, note_from_python(value));
}

// --- copies

PyModel clone(const PyModel& self) { return PyModel{self.get().clone()}; }
PyModel deep_copy(const PyModel& self, const bp::object& /*memo*/) { return clone(self); }
void no_copy(const PyModel&) {
  throw_type_error("a Model cannot be copied; use copy.deepcopy or Model.clone");
}

bp::object enter(const bp::object& self) { return self; }
void leave(PyModel& self, const bp::object&, const bp::object&, const bp::object&) {
  auto model = std::exchange(self.model, Model{});
  const bridge::GilReleased released;
  model = Model{};
}

bp::object equal(const PyModel& self, const bp::object& other) {
  const bp::extract<const PyModel&> that{other};
  return that.check() ? bp::object{self.model == that().model}
                      : bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}
std::intptr_t hash(const PyModel& self) {
  return reinterpret_cast<std::intptr_t>(&self.get().inputs()) >> 4;
}

std::string show(const PyModel& self) {
  if (!self.model) {
    return "<Model: closed>";
  }
  return fmt::format("<Model: '{}'\n{}>", self.model.friendly_name(),
                     show_ports(self.model.inputs(), self.model.outputs()));
}

}  // namespace

Model& PyModel::get() {
  if (!model) {
    throw_attribute_error("the Model was closed at the end of its `with`");
  }
  return model;
}

void register_model() {
  const auto none = bp::object{};
  bp::class_<PyModel> model{
      "Model",
      "A network as read from a file. `with` closes it at the end, and gives back its memory: then "
      "all of it is an AttributeError. "
      "`Model(other)` is the same one; `Model(results[, sinks], parameters[, variables][, name])` "
      "a "
      "copy of what computes the `results`,\nNodes or Outputs of a model, from the list of its "
      "`parameters`; its variables stay as they are, but for the `sinks` given.\n\n"
      "Thread safety: reading a shared model is safe, changing it is not.",
      bp::no_init};
  model.add_property("inputs", &inputs, "The input ports, a list of Output.")
      .add_property("outputs", &outputs, "The output ports, a list of Output.")
      .add_property("parameters", &parameters, "The inputs as Nodes, a list.")
      .add_property("results", &results, "The outputs as Nodes, a list.")
      .add_property("result", &result,
                    "The only output as a Node; RuntimeError when there are more.")
      .add_property("sinks", &sinks, "What assigns variables, a list of Nodes.")
      .add_property("variables", &variables,
                    "What a request keeps from one inference to the next, a list of Variable.")
      .add_property("friendly_name", &name, &rename, "The name; settable.")
      .add_property("name", &name, "The same as `friendly_name`.")
      .add_property("dynamic", &is_dynamic, "The same as `is_dynamic()`.")
      .add_property("rt_info", &all_rt_info, "Notes that came with the model, an RTMap.")
      .def("input", &only_input)
      .def("output", &only_output)
      .def("is_dynamic", &is_dynamic,
           "True when any tensor of the model has a shape that is not fixed.")
      .def("get_friendly_name", &name, "The same as `friendly_name`.")
      .def("set_friendly_name", &rename, bp::arg("name"), "The same as setting `friendly_name`.")
      .def("get_name", &name, "The same as `friendly_name`.")
      .def("get_parameters", &parameters, "The same as `parameters`.")
      .def("get_results", &results, "The same as `results`.")
      .def("get_result", &result, "The same as `result`.")
      .def("get_sinks", &sinks, "The same as `sinks`.")
      .def("get_variables", &variables, "The same as `variables`.")
      .def("get_variable_by_id", &variable_by_id, bp::arg("variable_id"),
           "The Variable whose id `variable_id` is; None when there is none.")
      .def("get_ops", &ordered_ops,
           "All Nodes: parameters, constants, operations in topological order, sinks, results.")
      .def("get_ordered_ops", &ordered_ops, "The same as `get_ops`.")
      .def("get_output_size", &output_size, "How many outputs there are.")
      .def("get_output_op", &output_op, bp::arg("index"),
           "The Node of output `index`, a Result; RuntimeError when there is none.")
      .def(
          "get_output_element_type",
          +[](const PyModel& self, std::size_t i) {
            const auto output =
                wrap_output({Node{self.get(), Node::Kind::result, self.get().output(i)->index}, 0});
            return bp::object{output.attr("element_type")};
          },
          bp::arg("index"), "The coinfer.Type of output `index`; RuntimeError when there is none.")
      .def(
          "get_output_partial_shape",
          +[](const PyModel& self, std::size_t i) { return self.get().output(i)->shape; },
          bp::arg("index"), "The PartialShape of output `index`; RuntimeError when there is none.")
      .def(
          "get_output_shape",
          +[](const PyModel& self, std::size_t i) {
            return self.get().output(i)->shape.to_shape();
          },
          bp::arg("index"),
          "The Shape of output `index`; RuntimeError when there is none or it is dynamic.")
      .def(
          "get_parameter_index", &parameter_index, bp::arg("parameter"),
          "Which input the Node `parameter` is; -1 when it is none. TypeError for what is no Node.")
      .def("add_outputs", &add_outputs, bp::arg("outputs"),
           "Makes tensors outputs of the model. `outputs` is a tensor's name, an Output, a tuple "
           "(operation's "
           "name, index), or a list\nof them. Gives the list of their Outputs; one that was an "
           "output stays it. RuntimeError when there is none.")
      .def("remove_result", &remove_result, bp::arg("result"),
           "Takes the output away whose Node `result` is; RuntimeError when it is another model's.")
      .def("remove_parameter", &remove_parameter, bp::arg("parameter"),
           "Takes the input away whose Node `parameter` is. RuntimeError when it is another "
           "model's, or "
           "when an operation still "
           "reads it.")
      .def("validate_nodes_and_infer_types", &validate,
           "Infers all types and shapes anew; RuntimeError naming a node.")
      .def("evaluate", &evaluate,
           (bp::arg("output_tensors"), bp::arg("input_tensors"),
            bp::arg("evaluation_context") = none),
           "Computes the model once: reads the list of Tensors `input_tensors`, writes those of "
           "`output_tensors`. To do it\nmore often, compile the model. `evaluation_context` is not "
           "looked at. RuntimeError naming the input for a wrong shape or type.")
      .def("get_rt_info", &all_rt_info)
      .def("get_rt_info", &get_rt_info, bp::arg("path"),
           "The note at `path`, a name or a list of names, an OVAny; without it all of them, an "
           "RTMap. RuntimeError when there is none.")
      .def("has_rt_info", &has_rt_info, bp::arg("path"),
           "True when there is a note at `path`, a name or a list of names. TypeError for another "
           "path, RuntimeError where one of its\nnames holds a value and no notes.")
      .def("set_rt_info", &set_rt_info, (bp::arg("obj"), bp::arg("path")),
           "Adds a note at `path`, a name or a list of names. `obj` is a bool, number, text, list "
           "of one of these, dict or OVAny;\nTypeError for another.")
      .def("clone", &clone, "A copy that can be changed on its own; weights are shared.")
      .def("__copy__", &no_copy)
      .def("__deepcopy__", &deep_copy)
      .def("__enter__", &enter)
      .def("__exit__", &leave)
      .def("__eq__", &equal)
      .def("__hash__", &hash)
      .def("__repr__", &show);
  def_named(model, "input",
            "The input whose `tensor_name` or `index` is given; without one, the only input. "
            "RuntimeError when there is none.",
            &input, bp::arg("index"), bp::arg("tensor_name"));
  def_named(model, "output",
            "The output whose `tensor_name` or `index` is given; without one, the only output. "
            "RuntimeError when there is none.",
            &output, bp::arg("index"), bp::arg("tensor_name"));
  def_named(model, "get_result_index",
            "Which output the Node `result`, or an Output `value`, is; -1 when it is none. "
            "TypeError for what is neither.",
            &result_index, bp::arg("value"), bp::arg("result"));
  def_named(
      model, "reshape",
      "Gives inputs new shapes and infers all others. `partial_shape` is the shape of the only "
      "input, `partial_shapes` a dict of shapes by\nname, index or port. A shape is a "
      "PartialShape, Shape, list, tuple or text: \"[1,3,224..256,?]\". `variables_shapes`: a dict "
      "of\nshapes by a variable's name; they are set when an input's shape changes. On an error "
      "the model is as before: RuntimeError naming the\ninput or node, IndexError for an index "
      "that is too large, TypeError for what is no shape.",
      &reshape, (bp::arg("partial_shapes"), bp::arg("variables_shapes") = bp::dict{}),
      (bp::arg("partial_shape"), bp::arg("variables_shapes") = bp::dict{}));
  register_surgery(model);
}

}  // namespace coinfer::python
