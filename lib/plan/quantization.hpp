#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// Keeps a fused stage of 8-bit products in 8 bits: QuantizeLinear goes into the product before it,
/// sums of dequantised tensors that are quantised again become sums of 8-bit tensors, and what only
/// moves or compares elements between equal scales does so in 8 bits.
void keep_quantized(graph::Graph& graph);

}  // namespace coinfer::plan
