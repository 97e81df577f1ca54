#pragma once

#include "graph/graph.hpp"

namespace coinfer::plan {

/// oneDNN has bf16 products here (AVX-512 with bf16, or AMX).
bool has_bf16();
/// Those of AMX: faster than f32 by far more than the casts cost.
bool has_amx();

/// Rewrites a fused f32 stage to mixed precision. Products (Conv, MatMul, Gemm) read bf16 and sum
/// in f32; what lies between two of them and only moves, compares or joins elements runs in bf16
/// too; all else, and what enters and leaves the stage, stays f32. Casts stand at the borders; a
/// product that only f32 nodes read writes f32 itself. Constant weights stay f32 here and are
/// rounded when they are packed.
void lower_precision(graph::Graph& graph);

}  // namespace coinfer::plan
