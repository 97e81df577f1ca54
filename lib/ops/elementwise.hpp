#pragma once

#include "kernels/broadcast.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {

/// dst[i] = f(src0[i]) over the first input.
template <class T, class R, class F>
Kernel map_kernel(const KernelContext& ctx, F f) {
  const auto count = ctx.shape(0).elements();
  return [count, f](const void* const* src, void* const* dst) {
    const auto* a = static_cast<const T*>(src[0]);
    auto* d = static_cast<R*>(dst[0]);
    for (std::int64_t i = 0; i < count; ++i) {
      d[i] = f(a[i]);
    }
  };
}

/// dst[i] = f(src0[i], src1[i]) for i < count. A source that is spread has one element, which meets
/// all of the other's. dst may be src0 or src1 unless that is spread.
using BinaryRow = void (*)(const void* src0, const void* src1, void* dst, std::int64_t count,
                           bool spread0, bool spread1);

/// Elements that are converted at a time: they stay in L1.
constexpr std::int64_t converted_chunk = 256;

void widen(const Float16* src, float* dst, std::int64_t count);
void widen(const BFloat16* src, float* dst, std::int64_t count);
void narrow(const float* src, Float16* dst, std::int64_t count);
void narrow(const float* src, BFloat16* dst, std::int64_t count);

/// Halves pass through the row of floats, so that there are no loops for them.
template <class T, class R, class F>
void binary_row(const void* src0, const void* src1, void* dst, std::int64_t count, bool spread0,
                bool spread1) {
  const auto* a = static_cast<const T*>(src0);
  const auto* b = static_cast<const T*>(src1);
  auto* d = static_cast<R*>(dst);
  if constexpr (is_half<T>) {
    float wide_a[converted_chunk];
    float wide_b[converted_chunk];
    for (std::int64_t at = 0; at < count; at += converted_chunk) {
      const auto part = std::min(converted_chunk, count - at);
      widen(a + (spread0 ? 0 : at), wide_a, spread0 ? 1 : part);
      widen(b + (spread1 ? 0 : at), wide_b, spread1 ? 1 : part);
      if constexpr (is_half<R>) {
        float result[converted_chunk];
        binary_row<float, float, F>(wide_a, wide_b, result, part, spread0, spread1);
        narrow(result, d + at, part);
      } else {
        binary_row<float, R, F>(wide_a, wide_b, d + at, part, spread0, spread1);
      }
    }
  } else if (spread0 && spread1) {
    std::fill_n(d, count, static_cast<R>(F{}(*a, *b)));
  } else if (spread0) {
    const T x = *a;
    for (std::int64_t i = 0; i < count; ++i) {
      d[i] = F{}(x, b[i]);
    }
  } else if (spread1) {
    const T y = *b;
    for (std::int64_t i = 0; i < count; ++i) {
      d[i] = F{}(a[i], y);
    }
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      d[i] = F{}(a[i], b[i]);
    }
  }
}

/// dst = row(src0, src1), broadcast; elements of the sources have `src_width` bytes each, those of
/// the destination `dst_width`.
Kernel binary_kernel(const KernelContext& ctx, BinaryRow row, std::size_t src_width,
                     std::size_t dst_width);

/// dst = F{}(src0, src1), broadcast; F has no state, and gets floats for halves.
template <class T, class R, class F>
Kernel binary_kernel(const KernelContext& ctx) {
  return binary_kernel(ctx, binary_row<T, R, F>, sizeof(T), sizeof(R));
}

}  // namespace coinfer::ops
