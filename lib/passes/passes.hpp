#pragma once

#include "graph/graph.hpp"

namespace coinfer::passes {

/// Infers types and shapes of all nodes in order; with `fold`, computes nodes whose inputs are all
/// constant (results up to `max_fold_bytes`). Values it can know are set as constants.
void infer(graph::Graph& graph, bool fold);

/// Removes nodes and constants that no output needs.
void remove_dead(graph::Graph& graph);

/// Everything that is done once per compiled model: inference, folding, batch-norm folding, pattern
/// recognition (GELU, LayerNorm, swish…), dead code.
void optimise(graph::Graph& graph);

}  // namespace coinfer::passes
