#pragma once

#include <cstddef>
#include <vector>

#include "graph/graph.hpp"

namespace coinfer::passes {

/// Finds the node's operator when it is not set yet, infers its outputs' types and shapes, and sets
/// values that follow from shapes alone (Shape, Size, Constant…) as constants. Returns the inputs
/// whose unknown values were asked for: while planning, a reason to cut. Every error names the
/// node.
std::vector<std::size_t> infer_node(graph::Graph& graph, graph::Node& node);

/// Computes an inferred node whose inputs are all constant and sets its outputs as constants. False
/// when an input is not, the operator has no plain kernel, or the results exceed `max_bytes`.
bool fold_node(graph::Graph& graph, const graph::Node& node, std::size_t max_bytes);

}  // namespace coinfer::passes
