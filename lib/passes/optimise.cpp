#include "passes/passes.hpp"

namespace coinfer::passes {

void optimise(graph::Graph& graph) {
  infer(graph, true);
  remove_dead(graph);
}

}  // namespace coinfer::passes
