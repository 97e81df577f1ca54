#pragma once

#include <cstdint>

#include "ops/op.hpp"

namespace coinfer::kernels {

/// The most channels that `planes_to_pixels` takes.
constexpr std::int64_t most_planes = 4;

/// dst[0], bf16 [images, pixels, channels], = src[0], f32 [images, channels, pixels], rounded to
/// nearest even.
ops::Kernel planes_to_pixels(std::int64_t images, std::int64_t channels, std::int64_t pixels,
                             int threads);

}  // namespace coinfer::kernels
