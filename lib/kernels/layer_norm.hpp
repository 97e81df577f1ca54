#pragma once

#include <cstdint>

#include "ops/op.hpp"

namespace coinfer::kernels {

/// Normalises dense rows of `length` numbers of f32 to mean 0 and variance 1, times a factor and
/// plus a summand of each column.
struct LayerNorm {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  float epsilon = 0;       ///< is added to the variance
  bool has_shift = false;  ///< summands
  bool bf16 = false;       ///< the result's type; else f32
};

/// src: rows, factors and, where there are some, summands, all f32; dst: the result, which may be
/// the source's memory when it is f32.
ops::Kernel layer_norm(const LayerNorm& form, int threads);

/// The same, done by each part to a copy of its own, `copy` floats apart; of f32 only, and not over
/// the source.
ops::Parts layer_norm_copies(const LayerNorm& form, int parts, std::int64_t copy);

}  // namespace coinfer::kernels
