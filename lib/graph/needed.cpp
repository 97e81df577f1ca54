#include "graph/needed.hpp"

#include <algorithm>
#include <unordered_set>

namespace coinfer::graph {

void drop_unneeded_nodes(Graph& graph) {
  std::unordered_set<std::uint32_t> needed;
  const auto need = [&](ValueId id) {
    if (id) {
      needed.insert(id.index);
    }
  };
  std::for_each(graph.outputs.begin(), graph.outputs.end(), need);
  for (const auto& variable : graph.variables) {
    need(variable.assigned);
  }
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool is_needed = std::any_of(node->outputs.begin(), node->outputs.end(),
                                       [&](ValueId id) { return id && needed.contains(id.index); });
    if (is_needed) {
      std::for_each(node->inputs.begin(), node->inputs.end(), need);
      kept.push_back(std::move(*node));
    }
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
}

}  // namespace coinfer::graph
