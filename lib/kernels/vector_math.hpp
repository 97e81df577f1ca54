#pragma once

#include <bit>
#include <cstdint>

#include "kernels/isa.hpp"

namespace coinfer::kernels {

/// exp(x) within 2 ulp for x <= 88, 0 below -87.3; branch-free, so that loops over it vectorise.
/// x = k ln 2 + r with |r| <= ln 2 / 2, exp(r) by its Taylor polynomial (Cephes' split of ln 2).
COINFER_INLINE float fast_exp(float x) {
  const float bounded = x < -87.3F ? -87.3F : x > 88.0F ? 88.0F : x;
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest integer
  const float shifted = bounded * 1.44269504F + round;
  const float k = shifted - round;
  const float r = (bounded - k * 0.693359375F) + k * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto power = (std::bit_cast<std::int32_t>(shifted) << 23) + 0x3f800000;
  const float result = p * std::bit_cast<float>(power);
  return x < -87.3F ? 0.0F : result;
}

}  // namespace coinfer::kernels
