#pragma once

#include "graph/graph.hpp"

namespace coinfer::passes {

/// Notes between which numbers the elements of a node's integer results lie
/// (`graph::Value::bounds`), where they follow from bounds of extents through the arithmetic of
/// shapes: Shape, Gather, Concat, sums and products… The node is inferred. Nothing is noted of
/// results that are known.
void infer_bounds(graph::Graph& graph, const graph::Node& node);

}  // namespace coinfer::passes
