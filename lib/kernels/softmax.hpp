#pragma once

#include "coinfer/shape.hpp"
#include "ops/op.hpp"

namespace coinfer::kernels {

/// softmax(scale * src[0] + src[1]) over dense rows of `length` f32. src[1] is read only when
/// `mask` is set: it holds rows of `length` too, `mask_strides` elements apart along each of the
/// extents `outer` (zero where it is broadcast). dst[0] may be src[0]. Where `bf16` is set dst[0]
/// is of that type, is not src[0], and rows are no longer than `longest_bf16_row`.
constexpr std::int64_t longest_bf16_row = 4096;
struct Softmax {
  Dims outer;
  std::int64_t length = 0;
  float scale = 1;
  bool mask = false;
  Dims mask_strides;
  bool bf16 = false;
};
ops::Kernel softmax(const Softmax& form, int threads);

}  // namespace coinfer::kernels
