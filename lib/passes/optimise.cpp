#include "passes/control_flow.hpp"
#include "passes/passes.hpp"
#include "passes/patterns.hpp"

namespace coinfer::passes {

void optimise(graph::Graph& graph) {
  recognise_quantization(graph);
  infer(graph, true);
  // A branch may make the next condition constant.
  while (inline_branches(graph)) {
    infer(graph, true);
  }
  optimise_bodies(graph);
  remove_dead(graph);
  fold_channel_scaling(graph);
  recognise_functions(graph);
  remove_dead(graph);
  split_concats(graph);
  remove_dead(graph);
}

}  // namespace coinfer::passes
