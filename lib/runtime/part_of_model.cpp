#include <algorithm>

#include "coinfer/error.hpp"
#include "coinfer/node.hpp"
#include "graph/graph.hpp"
#include "graph/needed.hpp"

namespace coinfer {
namespace {

using graph::Graph;

/// Leaves what the outputs and assigned variables of `graph` need.
void drop_unneeded(Graph& graph) {
  graph::drop_unneeded_nodes(graph);
  std::erase_if(graph.variables, [&](const graph::Variable& variable) {
    return !variable.assigned &&
           std::none_of(graph.nodes.begin(), graph.nodes.end(), [&](const graph::Node& node) {
             return node.attributes.text("variable", "") == variable.name;
           });
  });
}

/// Throws when something reads an input of the original that the part does not have.
void check_inputs(const Graph& original, const Graph& part) {
  for (std::size_t i = 0; i < original.inputs.size(); ++i) {
    const auto id = original.inputs[i];
    if (std::find(part.inputs.begin(), part.inputs.end(), id) != part.inputs.end()) {
      continue;
    }
    const auto reads = [&](const graph::Node& node) {
      return std::find(node.inputs.begin(), node.inputs.end(), id) != node.inputs.end();
    };
    const auto reader = std::find_if(part.nodes.begin(), part.nodes.end(), reads);
    const bool is_output =
        std::find(part.outputs.begin(), part.outputs.end(), id) != part.outputs.end();
    if (reader != part.nodes.end() || is_output) {
      throw Error(fmt::format(
          "the parameter '{}' is not given, and {} it", graph::parameter_name(original, i),
          is_output ? std::string{"an output is"} : graph::describe(*reader) + " reads"));
    }
  }
}

}  // namespace

Model Model::part(const std::vector<NodeOutput>& outputs, const std::vector<Node>& parameters,
                  const std::vector<Node>& sinks, std::string name) const {
  const auto check = [&](const Node& node) {
    if (node.model() != *this) {
      throw Error(
          fmt::format("{} '{}' belongs to another model", node.type_name(), node.friendly_name()));
    }
  };
  const auto& original = graph();
  auto part = std::make_shared<Graph>(original);
  part->name = std::move(name);
  part->outputs.clear();
  part->result_names.clear();
  part->result_notes.clear();
  for (const auto& output : outputs) {
    check(output.node());
    if (output.node().kind() == Node::Kind::result) {
      const auto index = output.node().index();
      if (const auto notes = original.result_notes.find(index);
          notes != original.result_notes.end()) {
        part->result_notes.emplace(part->outputs.size(), notes->second);
      }
      part->result_names.push_back(output.node().friendly_name());
    } else {
      part->result_names.emplace_back();
    }
    part->outputs.push_back(output.id());
  }
  part->inputs.clear();
  part->parameter_names.clear();
  for (const auto& parameter : parameters) {
    check(parameter);
    const auto id = original.inputs.at(parameter.index());
    if (std::find(part->inputs.begin(), part->inputs.end(), id) != part->inputs.end()) {
      throw Error(fmt::format("the parameter '{}' is given twice", parameter.friendly_name()));
    }
    part->inputs.push_back(id);
    part->parameter_names.push_back(parameter.friendly_name());
  }
  for (std::size_t i = 0; i < part->variables.size(); ++i) {
    const auto is_given = [&](const Node& sink) { return sink.index() == i; };
    std::for_each(sinks.begin(), sinks.end(), check);
    if (std::none_of(sinks.begin(), sinks.end(), is_given)) {
      part->variables[i].assigned = graph::no_value;
    }
  }
  drop_unneeded(*part);
  check_inputs(original, *part);
  return Model{std::move(part), path()};
}

void Model::repeat_output(std::size_t index) {
  output(index);  // throws when there is none
  auto& graph = *impl_->graph;
  auto name = graph::result_name(graph, index);
  graph.result_names.resize(graph.outputs.size());
  graph.result_names.push_back(std::move(name));
  graph.outputs.push_back(graph.outputs[index]);
  relist_ports();
}

void Model::remove_sink(std::size_t index) {
  impl_->graph->variables.at(index).assigned = graph::no_value;
}

}  // namespace coinfer
