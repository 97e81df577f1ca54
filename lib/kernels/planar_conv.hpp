#pragma once

#include <cstdint>

#include "ops/op.hpp"

namespace coinfer::kernels {

/// A convolution from an image of few channels, each a plane, to channels-last: what a network
/// begins with. Reading the planes as they lie saves the reorder of the image.
struct PlanarConv {
  enum class Activation : std::uint8_t { none, relu, hard_swish };

  std::int64_t batch = 1, in = 3, out = 0;
  std::int64_t height = 0, width = 0;          ///< of the source
  std::int64_t out_height = 0, out_width = 0;  ///< of the destination
  std::int64_t kernel_height = 1, kernel_width = 1;
  std::int64_t stride_y = 1, stride_x = 1;  ///< stride_x is 1, 2 or 4
  std::int64_t pad_top = 0, pad_left = 0;
  bool bias = false;
  Activation activation = Activation::none;
  float alpha = 0, beta = 0;  ///< of hard_swish: x * clamp(alpha * x + beta, 0, 1)

  std::int64_t packed_floats() const;
  /// Floats of scratch memory for `threads` threads.
  std::int64_t scratch_floats(int threads) const;
};

/// The machine has vectors that make it worthwhile.
bool has_planar_conv();

/// weights: [out, in, kernel_height, kernel_width]
void pack_weights(const PlanarConv& form, const float* weights, float* packed);

/// src: image, packed weights, bias if there is one; dst: result, scratch.
ops::Kernel planar_conv(const PlanarConv& form, int threads);

}  // namespace coinfer::kernels
