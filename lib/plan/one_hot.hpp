#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// Replaces a one-hot encoding times a constant matrix, and element-wise work with constants behind
/// it, by looking up the rows of a table that holds the finished results. All shapes are static.
void look_up_one_hot(graph::Graph& graph);

}  // namespace coinfer::plan
