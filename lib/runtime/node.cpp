#include "coinfer/node.hpp"

#include <set>

#include "coinfer/error.hpp"
#include "graph/graph.hpp"

namespace coinfer {
namespace {

/// Gives the name at `index` of a list that may be shorter.
void set_name(std::vector<std::string>& names, std::size_t index, std::string name) {
  names.resize(std::max(names.size(), index + 1));
  names[index] = std::move(name);
}

}  // namespace

void Node::check() const {
  const auto& graph = model_.graph();
  const auto count = kind_ == Kind::parameter  ? graph.inputs.size()
                     : kind_ == Kind::result   ? graph.outputs.size()
                     : kind_ == Kind::constant ? graph.values.size()
                     : kind_ == Kind::sink     ? graph.variables.size()
                                               : graph.nodes.size();
  if (index_ >= count) {
    throw Error("the node is not in its model any more");
  }
}

graph::ValueId Node::value(std::size_t output) const {
  check();
  const auto& graph = model_.graph();
  switch (kind_) {
    case Kind::parameter:
      return graph.inputs[index_];
    case Kind::result:
      return graph.outputs[index_];
    case Kind::constant:
      return graph::ValueId{static_cast<std::uint32_t>(index_)};
    case Kind::sink:
      return graph.variables[index_].assigned;
    case Kind::operation:
      break;
  }
  const auto& node = graph.nodes[index_];
  if (output >= node.outputs.size() || !node.outputs[output]) {
    throw Error(fmt::format("output {} of {} was asked for; it has {}", output,
                            graph::describe(node), node.outputs.size()));
  }
  return node.outputs[output];
}

std::string Node::friendly_name() const {
  check();
  const auto& graph = model_.graph();
  switch (kind_) {
    case Kind::parameter:
      return graph::parameter_name(graph, index_);
    case Kind::result:
      return graph::result_name(graph, index_);
    case Kind::operation:
      return graph.nodes[index_].name;
    case Kind::sink: {
      const auto& name = graph.variables[index_].assigned_by;
      return name.empty() ? fmt::format("Assign_{}", index_) : name;
    }
    case Kind::constant:
      break;
  }
  const auto& name = graph[value(0)].name;
  return name.empty() ? fmt::format("Constant_{}", index_) : name;
}

void Node::set_friendly_name(std::string name) const {
  check();
  auto& graph = *model_.impl_->graph;
  switch (kind_) {
    case Kind::constant:
      throw Error(fmt::format("the Constant '{}' is named by its tensor", friendly_name()));
    case Kind::operation:
      graph.nodes[index_].name = std::move(name);
      return;
    case Kind::parameter:
      set_name(graph.parameter_names, index_, std::move(name));
      break;
    case Kind::result:
      set_name(graph.result_names, index_, std::move(name));
      break;
    case Kind::sink:
      graph.variables[index_].assigned_by = std::move(name);
      return;
  }
  auto model = model_;
  model.relist_ports();
}

std::string Node::type_name() const {
  switch (kind_) {
    case Kind::parameter:
      return "Parameter";
    case Kind::result:
      return "Result";
    case Kind::constant:
      return "Constant";
    case Kind::sink:
      return "Assign";
    case Kind::operation:
      break;
  }
  check();
  return model_.graph().nodes[index_].type;
}

std::size_t Node::input_size() const {
  check();
  if (kind_ != Kind::operation) {
    return kind_ == Kind::result || kind_ == Kind::sink ? 1 : 0;
  }
  const auto& inputs = model_.graph().nodes[index_].inputs;
  return static_cast<std::size_t>(
      std::count_if(inputs.begin(), inputs.end(), [](graph::ValueId id) { return bool{id}; }));
}

std::size_t Node::output_size() const {
  check();
  return kind_ == Kind::operation ? model_.graph().nodes[index_].outputs.size() : 1;
}

graph::ValueId Node::input_id(std::size_t index) const {
  if (index >= input_size()) {
    throw Error(fmt::format("input {} of {} '{}' was asked for; it has {}", index, type_name(),
                            friendly_name(), input_size()));
  }
  if (kind_ == Kind::result || kind_ == Kind::sink) {
    return value(0);
  }
  for (const auto id : model_.graph().nodes[index_].inputs) {
    if (id && index-- == 0) {
      return id;
    }
  }
  return graph::no_value;
}

NodeOutput Node::input_value(std::size_t index) const {
  const auto id = input_id(index);
  const auto& graph = model_.graph();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (graph.inputs[i] == id) {
      return {Node{model_, Kind::parameter, i}, 0};
    }
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& outputs = graph.nodes[i].outputs;
    const auto found = std::find(outputs.begin(), outputs.end(), id);
    if (found != outputs.end()) {
      return {Node{model_, Kind::operation, i}, static_cast<std::size_t>(found - outputs.begin())};
    }
  }
  return {Node{model_, Kind::constant, id.index}, 0};
}

NodeOutput Node::output(std::size_t index) const {
  if (index >= output_size()) {
    throw Error(fmt::format("output {} of {} '{}' was asked for; it has {}", index, type_name(),
                            friendly_name(), output_size()));
  }
  return {*this, index};
}

std::vector<std::pair<std::string, NodeAttribute>> Node::attributes() const {
  check();
  std::vector<std::pair<std::string, NodeAttribute>> all;
  if (kind_ == Kind::sink) {
    all.emplace_back("variable_id", model_.graph().variables[index_].name);
  }
  if (kind_ != Kind::operation) {
    return all;
  }
  for (const auto& entry : model_.graph().nodes[index_].attributes) {
    const auto& name = entry.first;
    std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, float>) {
            all.emplace_back(name, static_cast<double>(value));
          } else if constexpr (std::is_same_v<T, std::vector<float>>) {
            all.emplace_back(name, std::vector<double>(value.begin(), value.end()));
          } else if constexpr (!std::is_same_v<T, std::shared_ptr<graph::Graph>>) {
            all.emplace_back(name, value);
          }
        },
        entry.second);
  }
  return all;
}

Tensor Node::constant() const {
  return kind_ == Kind::constant ? model_.graph()[value(0)].constant : Tensor{};
}

Layout Node::layout() const {
  if (kind_ != Kind::parameter && kind_ != Kind::result) {
    return {};
  }
  return Layout{model_.graph()[value(0)].layout};
}

void Node::set_layout(const Layout& layout) const {
  if (kind_ != Kind::parameter && kind_ != Kind::result) {
    throw Error(fmt::format("{} '{}' has no layout; parameters and results have", type_name(),
                            friendly_name()));
  }
  auto& value_of = (*model_.impl_->graph)[value(0)];
  if (value_of.shape.has_rank() && !layout.allows_rank(value_of.shape.rank())) {
    throw Error(fmt::format("the layout {} does not suit '{}', which has the shape {}",
                            layout.to_string(), value_of.name, value_of.shape.to_string()));
  }
  value_of.layout = layout.empty() ? std::string{} : layout.to_string();
}

PortRef NodeOutput::port() const {
  node_.check();
  if (node_.kind() == Node::Kind::parameter) {
    return node_.model().inputs()[node_.index()];
  }
  if (node_.kind() == Node::Kind::result) {
    return node_.model().outputs()[node_.index()];
  }
  const auto& value = node_.model().graph()[node_.value(index_)];
  Port port;
  port.names = names_of(value);
  port.node_name = node_.friendly_name();
  port.type = value.type;
  port.shape = value.shape;
  port.index = index_;
  port.is_output = true;
  return std::make_shared<const Port>(std::move(port));
}

std::vector<std::pair<Node, std::size_t>> NodeOutput::targets() const {
  std::vector<std::pair<Node, std::size_t>> found;
  if (node_.kind() == Node::Kind::result || node_.kind() == Node::Kind::sink) {
    return found;
  }
  const auto id = node_.value(index_);
  const auto& graph = node_.model().graph();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    std::size_t at = 0;
    for (const auto input : graph.nodes[i].inputs) {
      if (input == id) {
        found.emplace_back(Node{node_.model(), Node::Kind::operation, i}, at);
      }
      at += input ? 1 : 0;
    }
  }
  for (std::size_t i = 0; i < graph.variables.size(); ++i) {
    if (graph.variables[i].assigned == id) {
      found.emplace_back(Node{node_.model(), Node::Kind::sink, i}, 0);
    }
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    if (graph.outputs[i] == id) {
      found.emplace_back(Node{node_.model(), Node::Kind::result, i}, 0);
    }
  }
  return found;
}

void NodeOutput::set_names(std::vector<std::string> names) const {
  const auto id = node_.value(index_);
  auto& graph = *node_.model_.impl_->graph;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (std::uint32_t i = 0; i < graph.values.size(); ++i) {
    for (const auto& taken : names_of(graph.values[i])) {
      if (i != id.index && std::binary_search(names.begin(), names.end(), taken)) {
        throw Error(fmt::format("another tensor of the model is named '{}'", taken));
      }
    }
  }
  auto& value = graph[id];
  if (value.own_name && node_.kind() == Node::Kind::constant) {  // its node's name is kept there
    value.more_names = std::move(names);
  } else {
    value.name = names.empty() ? std::string{} : names.front();
    value.own_name = false;
    value.more_names.assign(names.empty() ? names.end() : names.begin() + 1, names.end());
  }
  auto model = node_.model_;
  model.relist_ports();
}

graph::ValueId NodeOutput::id() const { return node_.value(index_); }

PortRef Model::add_output(const NodeOutput& tensor) {
  if (tensor.node().model() != *this) {
    throw Error("the output belongs to another model");
  }
  return add_output(tensor.id());
}

std::vector<Node> nodes_of(const Model& model) {
  std::vector<Node> nodes;
  const auto& graph = model.graph();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    nodes.emplace_back(model, Node::Kind::parameter, i);
  }
  std::set<std::uint32_t> constants;
  for (const auto& node : graph.nodes) {
    for (const auto id : node.inputs) {
      if (graph.is_constant(id)) {
        constants.insert(id.index);
      }
    }
  }
  for (const auto index : constants) {
    nodes.emplace_back(model, Node::Kind::constant, index);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    nodes.emplace_back(model, Node::Kind::operation, i);
  }
  for (std::size_t i = 0; i < graph.variables.size(); ++i) {
    if (graph.variables[i].assigned) {
      nodes.emplace_back(model, Node::Kind::sink, i);
    }
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    nodes.emplace_back(model, Node::Kind::result, i);
  }
  return nodes;
}

std::vector<VariableInfo> variables_of(const Model& model) {
  std::vector<VariableInfo> infos;
  for (const auto& variable : model.graph().variables) {
    infos.push_back({variable.name, variable.type, variable.shape});
  }
  return infos;
}

}  // namespace coinfer
