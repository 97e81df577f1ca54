#pragma once

#include "graph/graph.hpp"

namespace coinfer::graph {

/// Leaves the nodes, in topological order, that outputs and assigned variables need.
void drop_unneeded_nodes(Graph& graph);

}  // namespace coinfer::graph
