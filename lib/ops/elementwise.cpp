#include "ops/elementwise.hpp"

namespace coinfer::ops {
namespace {

template <class From, class To>
void convert(const From* src, To* dst, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    dst[i] = static_cast<To>(src[i]);
  }
}

}  // namespace

void widen(const Float16* src, float* dst, std::int64_t count) { convert(src, dst, count); }
void widen(const BFloat16* src, float* dst, std::int64_t count) { convert(src, dst, count); }
void narrow(const float* src, Float16* dst, std::int64_t count) { convert(src, dst, count); }
void narrow(const float* src, BFloat16* dst, std::int64_t count) { convert(src, dst, count); }

Kernel binary_kernel(const KernelContext& ctx, BinaryRow row, std::size_t src_width,
                     std::size_t dst_width) {
  const kernels::Broadcast<2> walk{ctx.output_shape(0), {ctx.shape(0), ctx.shape(1)}};
  const auto wide = static_cast<std::int64_t>(src_width);
  const auto step = static_cast<std::int64_t>(dst_width);
  return [walk, row, wide, step](const void* const* src, void* const* dst) {
    const auto* a = static_cast<const std::byte*>(src[0]);
    const auto* b = static_cast<const std::byte*>(src[1]);
    auto* d = static_cast<std::byte*>(dst[0]);
    walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
      row(a + at[0] * wide, b + at[1] * wide, d + at_dst * step, walk.row(), walk.step(0) == 0,
          walk.step(1) == 0);
    });
  };
}

}  // namespace coinfer::ops
