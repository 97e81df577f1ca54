#pragma once

#include <cstdint>

#include "coinfer/element_type.hpp"
#include "ops/op.hpp"

namespace coinfer::kernels {

/// What channel_scale multiplies: images whose channels lie together.
struct ChannelScale {
  std::int64_t images = 1;
  std::int64_t pixels = 1;  ///< of an image
  std::int64_t channels = 1;
  bool same_for_all = false;                   ///< the images have the same factors
  ElementType type = ElementType::f32;         ///< of the images and the result: f32 or bf16
  ElementType factor_type = ElementType::f32;  ///< f32 or bf16
};

/// dst[0] = src[0] with each channel multiplied by its factor in src[1], [images or 1][channels];
/// computed in f32. dst[0] may be src[0].
ops::Kernel channel_scale(const ChannelScale& form, int threads);

}  // namespace coinfer::kernels
