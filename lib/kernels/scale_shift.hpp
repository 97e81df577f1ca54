#pragma once

#include <cstdint>

#include "ops/op.hpp"

namespace coinfer::kernels {

/// dst[0] = src[0] * src[1] + src[2] over dense rows of `channels` f32 (`bf16`: src[0] and dst[0]
/// are of that type), with one factor (src[1]) and one summand (src[2]) a channel, f32; negative
/// results become 0 when `relu`. dst[0] may be src[0].
ops::Kernel scale_shift(std::int64_t rows, std::int64_t channels, bool relu, bool bf16,
                        int threads);

}  // namespace coinfer::kernels
