// Patches of images as channels: coinfer.ExtractPatches and coinfer.ReorgYolo.
#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/window.hpp"

namespace coinfer::ops {
namespace {

template <class Context>
Window patch_window(const Context& ctx) {
  const auto kernel = ctx.attributes().integers("kernel_shape");
  if (!kernel || kernel->size() != 2) {
    ctx.fail("two sizes of a patch were expected");
  }
  for (const auto extent : *kernel) {
    if (extent < 1 || extent > (std::int64_t{1} << 31)) {
      ctx.fail(fmt::format("a patch has the extent {}", extent));
    }
  }
  return window_of(ctx, Dims(kernel->begin(), kernel->end()));
}

// [N, C, H, W] to [N, rows * columns * C, h, w]; padding is zero.
void infer_patches(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 4, 4);
  const auto& from = ctx.shape(0);
  if (!from.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic(4));
    return;
  }
  const auto window = patch_window(ctx);
  PartialShape::Dimensions dims{from[0], Dimension{}};
  if (from[1].is_static()) {
    std::int64_t channels = 0;
    if (__builtin_mul_overflow(from[1].length(), window.kernel[0] * window.kernel[1], &channels)) {
      ctx.fail("the patches are too large");
    }
    dims[1] = Dimension{channels};
  }
  for (std::size_t i = 0; i < 2; ++i) {
    dims.push_back(window.output(ctx, i, from[i + 2]));
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

Kernel patches_kernel(const KernelContext& ctx) {
  const auto from = ctx.shape(0);
  const auto to = ctx.output_shape(0);
  auto window = patch_window(ctx);
  window.resolve(from);
  return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
    return [=](const void* const* src, void* const* dst) {
      const auto* x = static_cast<const T*>(src[0]);
      auto* d = static_cast<T*>(dst[0]);
      for (std::int64_t n = 0; n < from[0]; ++n) {
        for (std::int64_t place = 0; place < window.kernel[0] * window.kernel[1]; ++place) {
          const auto top = place / window.kernel[1] * window.dilations[0] - window.pads_begin[0];
          const auto left = place % window.kernel[1] * window.dilations[1] - window.pads_begin[1];
          for (std::int64_t c = 0; c < from[1]; ++c) {
            const auto* plane = x + (n * from[1] + c) * from[2] * from[3];
            for (std::int64_t i = 0; i < to[2]; ++i) {
              for (std::int64_t k = 0; k < to[3]; ++k) {
                const auto row = top + i * window.strides[0];
                const auto column = left + k * window.strides[1];
                const bool inside = row >= 0 && row < from[2] && column >= 0 && column < from[3];
                *d++ = inside ? plane[row * from[3] + column] : T{};
              }
            }
          }
        }
      }
    };
  });
}

std::int64_t stride_of(const InferContext& ctx) {
  const auto stride = ctx.attributes().integer("stride", 1);
  if (stride < 1 || stride > (std::int64_t{1} << 20)) {
    ctx.fail(fmt::format("the stride is {}", stride));
  }
  return stride;
}

// Darknet's layer: [N, C, H, W] to [N, C s², H / s, W / s], read as if it went the other way.
void infer_reorg(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 4, 4);
  const auto stride = stride_of(ctx);
  const auto& from = ctx.shape(0);
  if (!from.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic(4));
    return;
  }
  PartialShape::Dimensions dims{from[0], Dimension{}, Dimension{}, Dimension{}};
  if (from[1].is_static()) {
    if (from[1].length() % (stride * stride) != 0) {
      ctx.fail(fmt::format("{} channels do not fit a stride of {}", from[1].length(), stride));
    }
    std::int64_t channels = 0;
    if (__builtin_mul_overflow(from[1].length(), stride * stride, &channels)) {
      ctx.fail("the result has too many channels");
    }
    dims[1] = Dimension{channels};
  }
  for (std::size_t i = 2; i < 4; ++i) {
    if (from[i].is_static()) {
      if (from[i].length() % stride != 0) {
        ctx.fail(
            fmt::format("an extent of {} does not fit a stride of {}", from[i].length(), stride));
      }
      dims[i] = Dimension{from[i].length() / stride};
    }
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

Kernel reorg_kernel(const KernelContext& ctx) {
  const auto from = ctx.shape(0);
  const auto stride = ctx.attributes().integer("stride", 1);
  return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
    return [=](const void* const* src, void* const* dst) {
      const auto* x = static_cast<const T*>(src[0]);
      auto* d = static_cast<T*>(dst[0]);
      const auto channels = from[1];
      const auto inner = channels / (stride * stride);
      const auto width = from[3] * stride;
      for (std::int64_t n = 0; n < from[0]; ++n) {
        const auto* batch = x + n * channels * from[2] * from[3];
        auto* out = d + n * channels * from[2] * from[3];
        for (std::int64_t c = 0; c < channels; ++c) {
          const auto place = c / inner;
          for (std::int64_t i = 0; i < from[2]; ++i) {
            for (std::int64_t k = 0; k < from[3]; ++k) {
              const auto row = c % inner * from[2] * stride + i * stride + place / stride;
              *out++ = batch[row * width + k * stride + place % stride];
            }
          }
        }
      }
    };
  });
}

const Register patches{{.type = "ExtractPatches",
                        .infer = infer_patches,
                        .kernel = patches_kernel,
                        .domain = "coinfer"}};
const Register reorg{
    {.type = "ReorgYolo", .infer = infer_reorg, .kernel = reorg_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
