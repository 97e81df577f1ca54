#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// Joins the two products of attention, of operands of that type, and the softmax between them into
/// one node, where the machine has a kernel for it: bf16 with AMX, f32 with AVX-512. After
/// lower_precision.
void join_attention(graph::Graph& graph, ElementType type);

}  // namespace coinfer::plan
