#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.FromYuv: an image of brightness and half as large differences of colour as [N, H, W, 3],
// after ITU-R BT.601, limited range. One input: all planes below each other [N, H * 3 / 2, W, 1];
// two: Y [N, H, W, 1] and UV [N, H / 2, W / 2, 2]; three: Y, U and V. With interleaved = 1 (NV12)
// the one plane holds U and V in turn; with bgr = 1 blue comes first.

void infer_yuv(InferContext& ctx) {
  ctx.check_inputs(1, 3);
  ctx.check_type(0, {ElementType::u8, ElementType::f32, ElementType::f16, ElementType::bf16,
                     ElementType::f64});
  auto shape = ctx.shape(0);
  for (std::size_t i = 0; i < ctx.inputs(); ++i) {
    ctx.check_rank(i, 4, 4);
    const std::int64_t channels = i == 1 && ctx.inputs() == 2 ? 2 : 1;
    if (ctx.type(i) != ctx.type(0) ||
        (ctx.shape(i).has_rank() && !ctx.shape(i)[3].contains(channels))) {
      ctx.fail(fmt::format("the plane {} is {} of shape {}; {} with {} channels was expected", i,
                           name_of(ctx.type(i)), ctx.shape(i).to_string(), name_of(ctx.type(0)),
                           channels));
    }
  }
  if (!shape.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape{Dimension{}, Dimension{}, Dimension{}, 3});
    return;
  }
  const bool single = ctx.inputs() == 1;
  const auto check = [&](std::size_t axis, std::int64_t multiple) {
    if (shape[axis].is_static() && shape[axis].length() % multiple != 0) {
      ctx.fail(fmt::format("a plane of shape {} is of no image with an even height and width",
                           shape.to_string()));
    }
  };
  check(1, single ? 3 : 2);
  check(2, 2);
  for (std::size_t i = 1; i < ctx.inputs(); ++i) {
    const auto& small = ctx.shape(i);
    for (std::size_t axis = 0; axis < 3 && small.has_rank(); ++axis) {
      if (shape[axis].is_static() && !small[axis].contains(shape[axis].length() / (axis ? 2 : 1))) {
        ctx.fail(fmt::format("planes of shapes {} and {} do not fit", shape.to_string(),
                             small.to_string()));
      }
    }
  }
  if (single) {
    shape[1] = shape[1].is_static() ? Dimension{shape[1].length() / 3 * 2} : Dimension{};
  }
  shape[3] = 3;
  ctx.output(0, ctx.type(0), std::move(shape));
}

Kernel yuv_kernel(const KernelContext& ctx) {
  const auto shape = ctx.output_shape(0);
  const auto planes = ctx.inputs();
  const bool interleaved = planes == 2 || ctx.attributes().integer("interleaved", 0) != 0;
  const bool bgr = ctx.attributes().integer("bgr", 0) != 0;
  Kernel kernel;
  const auto make = [&]<class T>(std::type_identity<T>) {
    kernel = [=](const void* const* src, void* const* dst) {
      const auto height = shape[1], width = shape[2];
      const auto area = height * width, quarter = area / 4;
      auto* d = static_cast<T*>(dst[0]);
      for (std::int64_t n = 0; n < shape[0]; ++n) {
        const auto* y =
            static_cast<const T*>(src[0]) + n * (planes == 1 ? area + 2 * quarter : area);
        const auto* u = planes == 1
                            ? y + area
                            : static_cast<const T*>(src[1]) + n * quarter * (planes == 2 ? 2 : 1);
        const auto* v = planes == 3   ? static_cast<const T*>(src[2]) + n * quarter
                        : interleaved ? u + 1
                                      : u + quarter;
        const std::int64_t step = interleaved ? 2 : 1;
        for (std::int64_t h = 0; h < height; ++h) {
          for (std::int64_t w = 0; w < width; ++w) {
            const auto at = (h / 2 * (width / 2) + w / 2) * step;
            const auto number = [](T value) {
              return static_cast<float>(static_cast<wide_of<T>>(value));
            };
            const auto light = 1.164F * (number(y[h * width + w]) - 16);
            const auto blue_less = number(u[at]) - 128, red_less = number(v[at]) - 128;
            const auto put = [&](float value) {
              const auto bounded = std::clamp(value, 0.0F, 255.0F);
              *d++ = static_cast<T>(static_cast<wide_of<T>>(
                  std::is_integral_v<T> ? std::nearbyint(bounded) : bounded));
            };
            const auto red = light + 1.596F * red_less;
            const auto blue = light + 2.018F * blue_less;
            put(bgr ? blue : red);
            put(light - 0.391F * blue_less - 0.813F * red_less);
            put(bgr ? red : blue);
          }
        }
      }
    };
  };
  if (ctx.type(0) == ElementType::u8) {
    make(std::type_identity<std::uint8_t>{});
  } else if (!with_float(ctx.type(0), make)) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register yuv{
    {.type = "FromYuv", .infer = infer_yuv, .kernel = yuv_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
