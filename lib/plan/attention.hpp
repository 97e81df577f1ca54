#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// Joins the two products of attention, in bf16, and the softmax between them into one node. After
/// lower_precision, on machines with AMX.
void join_attention(graph::Graph& graph);

}  // namespace coinfer::plan
