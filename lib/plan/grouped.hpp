#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// Makes one product of a grouped convolution whose groups are too narrow for AMX's tiles, with
/// weights that are 0 between groups; a shuffle of channels behind it becomes the order of its
/// outputs. Before lower_precision, on machines with AMX.
void join_groups(graph::Graph& graph);

}  // namespace coinfer::plan
