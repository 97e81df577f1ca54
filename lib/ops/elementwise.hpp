#pragma once

#include "kernels/broadcast.hpp"
#include "ops/op.hpp"

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

/// dst = f(src0, src1), broadcast.
template <class T, class R, class F>
Kernel binary_kernel(const KernelContext& ctx, F f) {
  const kernels::Broadcast<2> walk{ctx.output_shape(0), {ctx.shape(0), ctx.shape(1)}};
  return [walk, f](const void* const* src, void* const* dst) {
    const auto count = walk.row();
    walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
      const auto* a = static_cast<const T*>(src[0]) + at[0];
      const auto* b = static_cast<const T*>(src[1]) + at[1];
      auto* d = static_cast<R*>(dst[0]) + at_dst;
      if (walk.step(0) == 0) {
        const auto x = *a;
        for (std::int64_t i = 0; i < count; ++i) {
          d[i] = f(x, b[i * walk.step(1)]);
        }
      } else if (walk.step(1) == 0) {
        const auto y = *b;
        for (std::int64_t i = 0; i < count; ++i) {
          d[i] = f(a[i], y);
        }
      } else {
        for (std::int64_t i = 0; i < count; ++i) {
          d[i] = f(a[i], b[i]);
        }
      }
    });
  };
}

}  // namespace coinfer::ops
