#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "coinfer/shape.hpp"
#include "ops/op.hpp"

namespace coinfer::kernels {

/// softmax(scale * q k + mask) v for each matrix of a batch, with bf16 or f32 operands and sums in
/// f32: the scores stay in the first caches. Rows of the softmax are normalised after the second
/// product.
struct Attention {
  /// Strides in elements; along `batch` zero where the operand is broadcast.
  struct Matrix {
    Dims batch;
    std::int64_t row = 0;
    std::int64_t column = 0;
    /// Where the matrix of that index among all of a batch with these extents lies, in elements.
    std::int64_t offset(const Dims& extents, std::int64_t index) const;
  };
  Dims batch;
  std::int64_t rows = 0;   ///< of q, the mask and the result
  std::int64_t keys = 0;   ///< columns of k and the mask, rows of v
  std::int64_t depth = 0;  ///< columns of q, rows of k
  std::int64_t width = 0;  ///< columns of v and the result
  Matrix q;                ///< column is 1
  Matrix k;                ///< row or column is 1
  Matrix v;                ///< row or column is 1
  Matrix mask;             ///< f32, column is 1
  Matrix result;           ///< column is 1
  bool has_mask = false;
  bool f32_result = false;  ///< else bf16; of f32 operands always f32
  float scale = 1;
};

/// What a kernel writes to besides its result, 64-byte aligned.
std::int64_t attention_scratch_bytes(const Attention& form, int threads);
std::int64_t attention_f32_scratch_bytes(const Attention& form, int threads);

/// src: q, k, v and, where there is one, the mask; dst: the result, scratch memory. Of bf16, only
/// on machines with AMX.
ops::Kernel attention(const Attention& form, int threads);
/// The same of f32, only on machines with AVX-512, in at most as many parts.
ops::Parts attention_f32(const Attention& form, int threads);

/// The matrices of the batch that each of so many parts of attention_f32 reads and writes, [first,
/// second).
std::vector<std::pair<std::int64_t, std::int64_t>> attention_f32_matrices(const Attention& form,
                                                                          std::int64_t parts);

}  // namespace coinfer::kernels
