#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// Moves element-wise work into the post-ops of the node that makes its operand, where the
/// primitive it will be lowered to can do it before the result is stored. All shapes are static.
void fuse(graph::Graph& graph);

}  // namespace coinfer::plan
