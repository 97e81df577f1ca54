#include "passes/passes.hpp"
#include "passes/patterns.hpp"

namespace coinfer::passes {

void optimise(graph::Graph& graph) {
  infer(graph, true);
  remove_dead(graph);
  fold_channel_scaling(graph);
  recognise_functions(graph);
  remove_dead(graph);
}

}  // namespace coinfer::passes
