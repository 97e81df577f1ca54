#include "module/model_surgery.hpp"

#include "coinfer/error.hpp"
#include "coinfer/rewire.hpp"
#include "module/construct.hpp"
#include "module/exceptions.hpp"
#include "module/node.hpp"
#include "module/overloads.hpp"
#include "module/port_methods.hpp"
#include "module/variable.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

bool is_list(const bp::object& object) {
  return PyList_Check(object.ptr()) || PyTuple_Check(object.ptr());
}

std::vector<bp::object> items_of(const bp::object& list, const char* what) {
  if (!is_list(list)) {
    throw_type_error(fmt::format("{} are a list, not {}", what, Py_TYPE(list.ptr())->tp_name));
  }
  return {bp::stl_input_iterator<bp::object>{list}, bp::stl_input_iterator<bp::object>{}};
}

/// A Node, or the one that makes an Output; null for other objects.
const Node* node_or_maker(const bp::object& object) {
  const auto* output = output_in(object.ptr());
  return output != nullptr ? &output->node() : node_in(object.ptr());
}

const Node& node_of_kind(const bp::object& object, Node::Kind kind, const char* what) {
  const auto* node = node_or_maker(object);
  if (node == nullptr || node->kind() != kind) {
    const std::string shown = bp::extract<std::string>(object.attr("__repr__")());
    throw_type_error(fmt::format("a {} of a model was expected, not {}", what, shown));
  }
  return *node;
}

bool is_kind(const bp::object& object, Node::Kind kind) {
  const auto* node = node_or_maker(object);
  return node != nullptr && node->kind() == kind;
}

bool is_variable(const bp::object& object) {
  return bp::extract<const PyVariable&>{object}.check();
}

std::vector<Node> nodes_from(const bp::object& list, Node::Kind kind, const char* what) {
  std::vector<Node> nodes;
  for (const auto& item : items_of(list, fmt::format("{}s", what).c_str())) {
    nodes.push_back(node_of_kind(item, kind, what));
  }
  return nodes;
}

NodeOutput result_from(const bp::object& object) {
  if (const auto* output = output_in(object.ptr())) {
    return *output;
  }
  if (const auto* node = node_in(object.ptr())) {
    return node->output(0);
  }
  throw_type_error(fmt::format("a Model is made of Nodes or Outputs of a model, not of {}",
                               Py_TYPE(object.ptr())->tp_name));
}

// --- Model(...)

/// What Model() was given; lists that may be left out are empty.
struct Parts {
  bp::list results;
  bp::list sinks;
  bp::list parameters;
  bp::list variables;
  std::string name;
};

bool all_are(const bp::object& list, Node::Kind kind) {
  const auto items = items_of(list, "parts of a Model");
  return std::all_of(items.begin(), items.end(),
                     [&](const auto& item) { return is_kind(item, kind); });
}

/// Lists in the order results[, sinks], parameters[, variables]; then a name.
Parts parts_from(const bp::tuple& given) {
  Parts parts;
  std::vector<bp::object> lists;
  for (bp::ssize_t i = 0; i < bp::len(given); ++i) {
    const bp::object one{given[i]};
    if (i > 0 && i + 1 == bp::len(given) && PyUnicode_Check(one.ptr())) {
      parts.name = bp::extract<std::string>(one);
    } else if (i == 0 && !is_list(one)) {
      lists.push_back(bp::list{});
      lists.back().attr("append")(one);
    } else {
      items_of(one, "parts of a Model");
      lists.push_back(one);
    }
  }
  std::size_t next = 0;
  parts.results = bp::list{lists[next++]};
  // A list of sinks is followed by one of parameters; an empty one counts when there are two.
  const bool sinks_follow =
      next < lists.size() &&
      (bp::len(lists[next]) == 0
           ? next + 1 < lists.size() && all_are(lists[next + 1], Node::Kind::parameter)
           : all_are(lists[next], Node::Kind::sink));
  if (sinks_follow) {
    parts.sinks = bp::list{lists[next++]};
  }
  const bool has_parameters = next < lists.size();
  if (has_parameters) {
    parts.parameters = bp::list{lists[next++]};
  }
  if (next < lists.size()) {
    parts.variables = bp::list{lists[next++]};
  }
  if (!has_parameters || next != lists.size()) {
    throw_type_error(
        "a Model is made of another one, or of its results and parameters: Model(results[, sinks], "
        "parameters[, variables][, name]); models are read by Core.read_model");
  }
  return parts;
}

void make_model(const bp::object& self, const Parts& parts) {
  std::vector<NodeOutput> outputs;
  for (const auto& item : items_of(parts.results, "results")) {
    outputs.push_back(result_from(item));
  }
  const auto parameters = nodes_from(parts.parameters, Node::Kind::parameter, "Parameter");
  const auto sinks = nodes_from(parts.sinks, Node::Kind::sink, "sink");
  for (const auto& item : items_of(parts.variables, "variables")) {
    if (!is_variable(item)) {
      throw_type_error(
          fmt::format("a Variable was expected, not {}", Py_TYPE(item.ptr())->tp_name));
    }
  }
  if (outputs.empty()) {
    throw Error("a Model without results computes nothing");
  }
  const auto model = outputs.front().node().model();
  auto name = parts.name.empty() ? model.friendly_name() : parts.name;
  install_value(self, PyModel{model.part(outputs, parameters, sinks, std::move(name))});
}

void initialise_copy(const bp::object& self, const bp::object& other) {
  const bp::extract<const PyModel&> model{other};
  if (!model.check()) {
    throw_type_error(fmt::format(
        "a Model is made of another one, or of its results and parameters, not of {}; models are "
        "read by Core.read_model",
        Py_TYPE(other.ptr())->tp_name));
  }
  install_value(self, PyModel{model().get()});
}

template <class... Objects>
void initialise(const bp::object& self, const Objects&... given) {
  make_model(self, parts_from(bp::make_tuple(given...)));
}

// --- changes

[[noreturn]] void refuse_new(const char* what) {
  throw Unsupported(
      fmt::format("{} that are not the model's own cannot be added: nodes are made "
                  "by files alone",
                  what));
}

void add_results(PyModel& self, const bp::object& results) {
  auto& model = self.get();
  for (const auto& node : nodes_from(results, Node::Kind::result, "Result")) {
    if (node.model() != model) {
      refuse_new("results");
    }
    model.repeat_output(node.index());
  }
}

void add_parameters(PyModel& self, const bp::object& parameters) {
  for (const auto& node : nodes_from(parameters, Node::Kind::parameter, "Parameter")) {
    if (node.model() != self.get()) {
      refuse_new("parameters");
    }
    throw Error(fmt::format("the model has the parameter '{}' already", node.friendly_name()));
  }
}

void add_sinks(PyModel& self, const bp::object& sinks) {
  for (const auto& node : nodes_from(sinks, Node::Kind::sink, "sink")) {
    if (node.model() != self.get()) {
      refuse_new("sinks");
    }
  }
}

void add_variables(PyModel& self, const bp::object& variables) {
  const auto known = variables_of(self.get());
  for (const auto& item : items_of(variables, "variables")) {
    const bp::extract<const PyVariable&> variable{item};
    if (!variable.check()) {
      throw_type_error(
          fmt::format("a Variable was expected, not {}", Py_TYPE(item.ptr())->tp_name));
    }
    const auto& name = variable().info.name;
    if (std::none_of(known.begin(), known.end(),
                     [&](const VariableInfo& info) { return info.name == name; })) {
      refuse_new("variables");
    }
  }
}

void remove_variable(PyModel& self, const bp::object& variable) {
  if (variable.is_none()) {  // what get_variable_by_id() gives when there is none
    return;
  }
  const bp::extract<const PyVariable&> given{variable};
  if (!given.check()) {
    throw_type_error(
        fmt::format("a Variable was expected, not {}", Py_TYPE(variable.ptr())->tp_name));
  }
  coinfer::remove_variable(self.get(), given().info.name);
}

void remove_sink(PyModel& self, const bp::object& sink) {
  const auto* node = node_or_maker(sink);
  if (node == nullptr) {
    throw_type_error(
        fmt::format("a Node of the model was expected, not {}", Py_TYPE(sink.ptr())->tp_name));
  }
  if (node->kind() == Node::Kind::sink && node->model() == self.get()) {
    self.get().remove_sink(node->index());
  }
}

std::int64_t sink_index(const PyModel& self, const bp::object& sink) {
  const auto* node = node_or_maker(sink);
  if (node == nullptr) {
    throw_type_error(fmt::format("a Node or Output of the model was expected, not {}",
                                 Py_TYPE(sink.ptr())->tp_name));
  }
  if (node->kind() != Node::Kind::sink || node->model() != self.get()) {
    return -1;
  }
  std::int64_t index = 0;
  for (const auto& one : nodes_of(self.get())) {
    if (one == *node) {
      break;
    }
    index += one.kind() == Node::Kind::sink ? 1 : 0;
  }
  return index;
}

void replace_parameter(PyModel& self, std::size_t index, const bp::object& parameter) {
  auto& model = self.get();
  const auto& node = node_of_kind(parameter, Node::Kind::parameter, "Parameter");
  const auto there = model.input(index)->index;  // throws when there is none
  if (node.model() != model) {
    refuse_new("parameters");
  }
  if (node.index() != there) {
    throw Error(fmt::format("the parameter '{}' is input {} of the model already",
                            node.friendly_name(), node.index()));
  }
}

}  // namespace

void register_surgery(bp::class_<PyModel>& model) {
  using bp::arg;
  using bp::object;
  const auto name = (arg("name") = "");
  def_named(model, "__init__", &initialise_copy, arg("other"));
  def_named(model, "__init__", &initialise<object, object, object, object, object>,
            (arg("results"), arg("sinks"), arg("parameters"), arg("variables"), name));
  def_named(model, "__init__", &initialise<object, object, object, object>,
            (arg("results"), arg("parameters"), arg("variables"), name),
            (arg("results"), arg("sinks"), arg("parameters"), name));
  def_named(model, "__init__", &initialise<object, object, object>,
            (arg("result"), arg("parameters"), name), (arg("results"), arg("parameters"), name));
  def_named(model, "get_sink_index",
            "Which of the sinks the Node `sink`, or the Output `value`, is; -1 when it is none. "
            "TypeError for what is neither.",
            &sink_index, arg("value"), arg("sink"));
  model
      .def("add_results", &add_results, bp::arg("results"),
           "Adds a list of `results`, Nodes of this model, as outputs once more. "
           "coinfer.Unsupported for another model's: nodes are made by files alone.")
      .def("add_parameters", &add_parameters, bp::arg("parameters"),
           "Takes a list of `parameters`, which may only be empty: RuntimeError for those of the "
           "model, coinfer.Unsupported for another's.")
      .def("add_sinks", &add_sinks, bp::arg("sinks"),
           "Takes a list of `sinks` that the model has already; coinfer.Unsupported for others.")
      .def("add_variables", &add_variables, bp::arg("variables"),
           "Takes a list of `variables` that the model has already; coinfer.Unsupported for "
           "others.")
      .def("remove_sink", &remove_sink, bp::arg("sink"),
           "Takes the Node `sink` away: what it assigned stays as it was. Another node is left; "
           "TypeError for what is none.")
      .def("remove_variable", &remove_variable, bp::arg("variable"),
           "Takes the Variable `variable` away; RuntimeError naming the node when one still reads "
           "or assigns it. One of another model is left;\nTypeError for what is none.")
      .def("replace_parameter", &replace_parameter,
           (bp::arg("parameter_index"), bp::arg("parameter")),
           "Puts the Node `parameter` in the place of input `parameter_index`, where it has to be "
           "already: nodes are made by files alone, and another model's is coinfer.Unsupported.");
}

}  // namespace coinfer::python
