#pragma once

#include <cstdint>

#include "ops/op.hpp"

namespace coinfer::kernels {

/// A row times a matrix: dst[0][n] = sum over k of src[0][k] * weights, plus src[2][n] when `bias`.
/// Weights (src[1]) are dense as they lie in the model: [n, k] when `transposed`, else [k, n].
/// Bound by reading them once, which packing would not make faster.
ops::Kernel gemv(std::int64_t k, std::int64_t n, bool transposed, bool bias, int threads);

}  // namespace coinfer::kernels
