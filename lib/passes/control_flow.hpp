#pragma once

#include "graph/graph.hpp"

namespace coinfer::passes {

/// Infers the bodies of a control-flow node from the types and shapes of its inputs, and from them
/// its outputs. The bodies are replaced by copies: other graphs may share the old ones.
void infer_bodies(graph::Graph& graph, graph::Node& node);

/// Replaces each If whose condition is constant by its branch; true when there was one.
bool inline_branches(graph::Graph& graph);

/// Optimises the bodies, after captures that are constants have moved into them; captures that no
/// body needs any more leave their node. The bodies belong to this graph alone.
void optimise_bodies(graph::Graph& graph);

}  // namespace coinfer::passes
