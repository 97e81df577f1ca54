#pragma once

#include <cstdint>

#include "ops/op.hpp"

namespace coinfer::kernels {

/// One scale and zero point for a whole 8-bit tensor (u8, or i8 when `is_signed`).
struct Steps {
  float scale = 1;
  float zero = 0;
  bool is_signed = false;
};

/// f32 -> 8 bits: round(x / scale) + zero, ended at the type's bounds; NaN gives the lower one.
ops::Kernel quantize(std::int64_t count, const Steps& to, int threads);

/// 8 bits -> f32.
ops::Kernel dequantize(std::int64_t count, const Steps& from, int threads);

/// The sum of two 8-bit tensors in 8 bits, with `relu` not below zero.
ops::Kernel add_quantized(std::int64_t count, const Steps& a, const Steps& b, const Steps& to,
                          bool relu, int threads);

}  // namespace coinfer::kernels
