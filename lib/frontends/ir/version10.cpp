#include "frontends/ir/version10.hpp"

#include <map>

#include "coinfer/error.hpp"
#include "coinfer/model.hpp"
#include "frontends/ir/values.hpp"

namespace coinfer::frontends::ir {
namespace {

using graph::Graph;
using graph::ValueId;

ElementType output_type(ElementType type) {
  switch (type) {
    case ElementType::dynamic:
    case ElementType::string:
      return type;
    case ElementType::i32:
    case ElementType::i64:
    case ElementType::u32:
    case ElementType::u64:
      return ElementType::i32;
    default:
      return ElementType::f32;
  }
}

/// The input takes f32; all that reads it reads f16 as before.
void widen_input(Graph& graph, ValueId input) {
  graph[input].type = ElementType::f32;
  const auto narrow = cast(graph, input, ElementType::f16);
  for (std::size_t i = 0; i + 1 < graph.nodes.size(); ++i) {
    auto& inputs = graph.nodes[i].inputs;
    std::replace(inputs.begin(), inputs.end(), input, narrow);
  }
  std::replace(graph.outputs.begin(), graph.outputs.end(), input, narrow);
  for (auto& variable : graph.variables) {
    variable.assigned = variable.assigned == input ? narrow : variable.assigned;
  }
}

/// The output as the element type, which takes over the names.
ValueId cast_output(Graph& graph, ValueId output, ElementType type) {
  const auto result = cast(graph, output, type);
  set_names(graph[result], names_of(graph[output]));
  graph[result].layout = graph[output].layout;
  if (std::find(graph.inputs.begin(), graph.inputs.end(), output) == graph.inputs.end()) {
    set_names(graph[output], {});
  }
  return result;
}

/// How the layer that makes an output is called, by the output's Result.
std::string maker_of(const Network& network, const Layer& result) {
  const auto& source = result.sources.at(0);
  const auto& layer = network.layers[source.layer];
  return layer.outputs.size() == 1 ? layer.name : fmt::format("{}.{}", layer.name, source.port);
}

/// The names of inputs' and outputs' tensors, each of one tensor only.
class Names {
 public:
  explicit Names(const Graph& graph) {
    for (const auto* ids : {&graph.inputs, &graph.outputs}) {
      for (const auto id : *ids) {
        for (auto& name : names_of(graph[id])) {
          names_.emplace(std::move(name), id);
        }
      }
    }
  }
  void add(const std::string& layer, ValueId id) {
    if (names_.emplace(layer, id).first->second != id) {
      throw ModelFileError(
          fmt::format("the layer '{}' has the name of another layer's tensor; in IR version 10 "
                      "layers name inputs and outputs",
                      layer));
    }
  }

 private:
  std::map<std::string, ValueId> names_;
};

}  // namespace

void adapt_version_10(const Network& network, Graph& graph) {
  std::vector<std::string> makers;
  for (const auto& layer : network.layers) {
    if (layer.type == "Result") {
      makers.push_back(maker_of(network, layer));
    }
  }
  Names names{graph};
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    names.add(graph.parameter_names[i], graph.inputs[i]);
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    names.add(makers[i], graph.outputs[i]);
  }
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    add_name(graph[graph.inputs[i]], graph.parameter_names[i]);
    if (graph[graph.inputs[i]].type == ElementType::f16) {
      widen_input(graph, graph.inputs[i]);
    }
  }
  std::map<ValueId, ValueId> casts;
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const auto id = graph.outputs[i];
    const auto type = output_type(graph[id].type);
    if (type != graph[id].type && !casts.contains(id)) {
      casts.emplace(id, cast_output(graph, id, type));
    }
    const auto cast = casts.find(id);
    graph.outputs[i] = cast == casts.end() ? id : cast->second;
    add_name(graph[graph.outputs[i]], makers[i]);
  }
  graph::sort_topologically(graph);
}

}  // namespace coinfer::frontends::ir
