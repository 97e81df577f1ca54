#include <algorithm>

#include "coinfer/error.hpp"
#include "coinfer/rewire.hpp"
#include "graph/graph.hpp"
#include "graph/needed.hpp"
#include "passes/passes.hpp"

namespace coinfer {
namespace {

using graph::Graph;
using graph::ValueId;

/// The node that reads the variable, also in a body; null when none does.
const graph::Node* reader_of(const Graph& graph, std::string_view variable) {
  for (const auto& node : graph.nodes) {
    if (node.attributes.text("variable", "") == variable) {
      return &node;
    }
    for (const auto& entry : node.attributes) {
      const auto* body = std::get_if<std::shared_ptr<Graph>>(&entry.second);
      if (body != nullptr && *body != nullptr && reader_of(**body, variable) != nullptr) {
        return &node;
      }
    }
  }
  return nullptr;
}

/// Lets input `index` of a node, those left out not counted, be `id`.
void set_input(Graph& graph, const Node& node, std::size_t index, ValueId id) {
  switch (node.kind()) {
    case Node::Kind::result:
      graph.outputs[node.index()] = id;
      return;
    case Node::Kind::sink:
      graph.variables[node.index()].assigned = id;
      return;
    case Node::Kind::operation:
      for (auto& input : graph.nodes[node.index()].inputs) {
        if (input && index-- == 0) {
          input = id;
          return;
        }
      }
      return;
    case Node::Kind::parameter:
    case Node::Kind::constant:
      return;
  }
}

void infer_anew(Graph& graph) {
  graph::sort_topologically(graph);
  for (const auto& node : graph.nodes) {
    for (const auto id : node.outputs) {
      if (id) {
        graph[id].shape = PartialShape::dynamic();
      }
    }
  }
  passes::infer(graph, false);
}

void check_owner(const Model& model, const Node& node) {
  if (node.model() != model) {
    throw Error(
        fmt::format("{} '{}' belongs to another model", node.type_name(), node.friendly_name()));
  }
}

ValueId id_of(const NodeOutput& output) {
  output.port();  // throws when there is none
  const auto& node = output.node();
  const auto& graph = node.model().graph();
  switch (node.kind()) {
    case Node::Kind::parameter:
      return graph.inputs[node.index()];
    case Node::Kind::result:
      return graph.outputs[node.index()];
    case Node::Kind::sink:
      return graph.variables[node.index()].assigned;
    case Node::Kind::operation:
      return graph.nodes[node.index()].outputs[output.index()];
    case Node::Kind::constant:
      break;
  }
  return ValueId{static_cast<std::uint32_t>(node.index())};
}

/// Gives `to` the names of `from`, which loses them.
void move_names(graph::Value& from, graph::Value& to) {
  const auto names = names_of(from);
  auto first = names.begin();
  if (first != names.end() && (to.name.empty() || to.own_name)) {
    to.name = *first++;
    to.own_name = false;
  }
  to.more_names.insert(to.more_names.end(), first, names.end());
  from.own_name = true;
  from.more_names.clear();
}

}  // namespace

void replace_input(const Node& node, std::size_t index, const NodeOutput& source) {
  auto model = node.model();
  check_owner(model, source.node());
  node.input_value(index);  // throws when there is none
  auto changed = std::make_shared<Graph>(model.graph());
  set_input(*changed, node, index, id_of(source));
  infer_anew(*changed);
  model.replace_graph(std::move(changed));
}

void replace_tensor(const NodeOutput& tensor, const NodeOutput& source) {
  auto model = tensor.node().model();
  check_owner(model, source.node());
  const auto before = id_of(tensor);
  const auto after = id_of(source);
  const auto targets = tensor.targets();
  if (before == after || targets.empty()) {
    return;
  }
  auto changed = std::make_shared<Graph>(model.graph());
  for (const auto& [node, index] : targets) {
    set_input(*changed, node, index, after);
  }
  move_names((*changed)[before], (*changed)[after]);
  infer_anew(*changed);
  graph::drop_unneeded_nodes(*changed);
  model.replace_graph(std::move(changed));
}

void remove_variable(const Model& model, std::string_view name) {
  auto changed = std::make_shared<Graph>(model.graph());
  auto& variables = changed->variables;
  const auto found =
      std::find_if(variables.begin(), variables.end(),
                   [&](const graph::Variable& variable) { return variable.name == name; });
  if (found == variables.end()) {
    return;
  }
  if (found->assigned) {
    throw Error(fmt::format("the variable '{}' cannot be removed: Assign '{}' writes it", name,
                            found->assigned_by));
  }
  if (const auto* reader = reader_of(*changed, name)) {
    throw Error(fmt::format("the variable '{}' cannot be removed: {} reads it", name,
                            graph::describe(*reader)));
  }
  variables.erase(found);
  auto handle = model;
  handle.replace_graph(std::move(changed));
}

}  // namespace coinfer
