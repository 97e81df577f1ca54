#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// Rewrites a graph whose shapes are all static, before it is fused and lowered: nodes that change
/// nothing for these shapes go, element-wise work and reductions are done before expansions and
/// read through them, convolutions over images of width 1 become one-dimensional, which oneDNN
/// computes several times as fast, and those of patches that do not overlap become products of
/// matrices.
void simplify(graph::Graph& graph);

}  // namespace coinfer::plan
