#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"
#include "ops/window.hpp"

namespace coinfer::ops {
namespace {

// DeformConv (Dai et al., Deformable Convolutional Networks, ICCV 2017; with a mask: Zhu et al.,
// CVPR 2019): a convolution of images [N, C, H, W] whose taps are moved by offsets
// [N, groups * taps * 2, h, w] (y, x), sampled bilinearly, and weighed by a mask [N, groups * taps,
// h, w]. Inputs: images, weights [M, C / group, kh, kw], offsets, bias?, mask?. With the attribute
// `border` "near" (OpenVINO's, ONNX has none) no tap between the border and one element outside of
// it counts.

struct Deformed {
  Window window;
  std::int64_t group = 1, offset_groups = 1;
  bool near = false;
};

template <class Context>
Deformed deformed_of(const Context& ctx, std::int64_t kernel_height, std::int64_t kernel_width) {
  Deformed how;
  if (kernel_height < 1 || kernel_width < 1 || kernel_height > 1 << 16 || kernel_width > 1 << 16) {
    ctx.fail(fmt::format("a kernel of {} x {} cannot be used", kernel_height, kernel_width));
  }
  how.window = window_of(ctx, Dims{kernel_height, kernel_width});
  how.group = ctx.attributes().integer("group", 1);
  how.offset_groups = ctx.attributes().integer("offset_group", 1);
  how.near = ctx.attributes().text("border", "zeros") == "near";
  if (how.group < 1 || how.offset_groups < 1 || how.group > 1 << 20 ||
      how.offset_groups > 1 << 20) {
    ctx.fail(
        fmt::format("it has {} groups and {} groups of offsets", how.group, how.offset_groups));
  }
  return how;
}

void infer_deform(InferContext& ctx) {
  ctx.check_inputs(3, 5);
  ctx.check_rank(0, 4, 4);
  ctx.check_rank(1, 4, 4);
  ctx.check_rank(2, 4, 4);
  const auto &images = ctx.shape(0), &weights = ctx.shape(1);
  for (std::size_t i = 1; i < ctx.inputs(); ++i) {
    if (ctx.has(i) && ctx.type(i) != ctx.type(0)) {
      ctx.fail(fmt::format("images are {} and the input {} is {}; equal types were expected",
                           name_of(ctx.type(0)), i, name_of(ctx.type(i))));
    }
  }
  PartialShape::Dimensions dims(4);
  if (images.has_rank()) {
    dims[0] = images[0];
  }
  if (weights.has_rank()) {
    dims[1] = weights[0];
    if (weights[2].is_static() && weights[3].is_static()) {
      const auto how = deformed_of(ctx, weights[2].length(), weights[3].length());
      const auto taps = weights[2].length() * weights[3].length();
      const auto check = [&](const char* what, std::size_t input, std::int64_t channels) {
        if (ctx.has(input) && ctx.shape(input).has_rank() &&
            !ctx.shape(input)[1].contains(channels)) {
          ctx.fail(fmt::format("{} have the shape {}; {} channels were expected", what,
                               ctx.shape(input).to_string(), channels));
        }
      };
      check("offsets", 2, how.offset_groups * taps * 2);
      if (ctx.inputs() > 4 && ctx.has(4)) {
        ctx.check_rank(4, 4, 4);
        check("masks", 4, how.offset_groups * taps);
      }
      if (images.has_rank()) {
        if (images[1].is_static() && weights[1].is_static() &&
            (weights[1].length() * how.group != images[1].length() ||
             images[1].length() % how.offset_groups != 0)) {
          ctx.fail(fmt::format("images of shape {} and weights of shape {} do not fit {} groups",
                               images.to_string(), weights.to_string(), how.group));
        }
        if (weights[0].is_static() && weights[0].length() % how.group != 0) {
          ctx.fail(fmt::format("{} filters are no multiple of {} groups", weights[0].length(),
                               how.group));
        }
        dims[2] = how.window.output(ctx, 0, images[2]);
        dims[3] = how.window.output(ctx, 1, images[3]);
      }
    }
  }
  const auto fits = [&](std::size_t input) {
    if (ctx.inputs() <= input || !ctx.has(input) || !ctx.shape(input).has_rank()) {
      return;
    }
    const auto& shape = ctx.shape(input);
    for (const std::size_t i : {0, 2, 3}) {
      const auto both = Dimension::merge(shape[i], dims[i]);
      if (!both) {
        ctx.fail(fmt::format("the input {} has the shape {}; the result is {}", input,
                             shape.to_string(), PartialShape{dims}.to_string()));
      }
      dims[i] = *both;
    }
  };
  fits(2);
  fits(4);
  if (ctx.inputs() > 3 && ctx.has(3) && ctx.shape(3).has_rank() &&
      (ctx.shape(3).rank() != 1 || !Dimension::merge(ctx.shape(3)[0], dims[1]))) {
    ctx.fail(fmt::format("the bias has the shape {}", ctx.shape(3).to_string()));
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

/// Four neighbours of a place and their weights, times the mask.
struct Tap {
  std::array<std::int64_t, 4> at{};
  std::array<float, 4> weight{};
};

Tap tap_at(float y, float x, float mask, std::int64_t height, std::int64_t width, bool near) {
  Tap tap;
  const auto h = static_cast<float>(height), w = static_cast<float>(width);
  const auto least = near ? 0.0F : -1.0F;
  if (!((near ? y >= least && x >= least : y > least && x > least) && y < h && x < w)) {
    return tap;
  }
  const auto top = std::floor(y), left = std::floor(x);
  const auto down = y - top, along = x - left;
  const auto y0 = static_cast<std::int64_t>(top), x0 = static_cast<std::int64_t>(left);
  const std::array ys{y0, y0 + 1};
  const std::array xs{x0, x0 + 1};
  const std::array wy{1 - down, down};
  const std::array wx{1 - along, along};
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t k = 0; k < 2; ++k) {
      const auto n = 2 * i + k;
      auto row = ys[i], column = xs[k];
      if (near) {
        row = std::min(row, height - 1);
        column = std::min(column, width - 1);
      }
      if (row >= 0 && row < height && column >= 0 && column < width) {
        tap.at[n] = row * width + column;
        tap.weight[n] = wy[i] * wx[k] * mask;
      }
    }
  }
  return tap;
}

template <class T>
struct Deform {
  Deformed how;
  Shape images, weights, result;
  bool has_bias, has_mask;

  void operator()(const void* const* src, void* const* dst) const {
    const auto* x = static_cast<const T*>(src[0]);
    const auto* offsets = static_cast<const T*>(src[2]);
    const auto* masks = has_mask ? static_cast<const T*>(src[4]) : nullptr;
    const auto channels = images[1];
    const auto height = images[2], width = images[3];
    const auto taps = weights[2] * weights[3];
    const auto area = result[2] * result[3];
    // Of one place in the result: grow once per thread.
    thread_local std::vector<Tap> moved;
    thread_local std::vector<float> column;
    moved.resize(static_cast<std::size_t>(how.offset_groups * taps));
    column.resize(static_cast<std::size_t>(channels * taps));
    for (std::int64_t n = 0; n < result[0]; ++n) {
      const auto* offset = offsets + n * how.offset_groups * taps * 2 * area;
      const auto* mask = has_mask ? masks + n * how.offset_groups * taps * area : nullptr;
      for (std::int64_t place = 0; place < area; ++place) {
        const auto y0 = place / result[3] * how.window.strides[0] - how.window.pads_begin[0];
        const auto x0 = place % result[3] * how.window.strides[1] - how.window.pads_begin[1];
        for (std::int64_t tap = 0; tap < how.offset_groups * taps; ++tap) {
          const auto k = tap % taps;
          const auto number = [&](const T* values, std::int64_t plane) {
            return static_cast<float>(static_cast<wide_of<T>>(values[plane * area + place]));
          };
          moved[static_cast<std::size_t>(tap)] =
              tap_at(static_cast<float>(y0 + k / weights[3] * how.window.dilations[0]) +
                         number(offset, 2 * tap),
                     static_cast<float>(x0 + k % weights[3] * how.window.dilations[1]) +
                         number(offset, 2 * tap + 1),
                     has_mask ? number(mask, tap) : 1.0F, height, width, how.near);
        }
        sample(x + n * channels * height * width, moved, column, taps);
        multiply(src, static_cast<T*>(dst[0]) + n * result[1] * area + place, column, taps, area);
      }
    }
  }

  void sample(const T* image, const std::vector<Tap>& moved, std::vector<float>& column,
              std::int64_t taps) const {
    const auto per_group = images[1] / how.offset_groups;
    auto* d = column.data();
    for (std::int64_t c = 0; c < images[1]; ++c, image += images[2] * images[3]) {
      const auto* tap = moved.data() + c / per_group * taps;
      for (std::int64_t k = 0; k < taps; ++k, ++tap) {
        float sum = 0;
        for (std::size_t i = 0; i < 4; ++i) {
          if (tap->weight[i] != 0) {
            sum += tap->weight[i] * static_cast<float>(static_cast<wide_of<T>>(image[tap->at[i]]));
          }
        }
        *d++ = sum;
      }
    }
  }

  void multiply(const void* const* src, T* d, const std::vector<float>& column, std::int64_t taps,
                std::int64_t area) const {
    const auto length = weights[1] * taps;
    const auto* row = static_cast<const T*>(src[1]);
    const auto filters = weights[0] / how.group;
    for (std::int64_t m = 0; m < weights[0]; ++m, row += length, d += area) {
      const auto* values = column.data() + m / filters * length;
      float sum =
          has_bias ? static_cast<float>(static_cast<wide_of<T>>(static_cast<const T*>(src[3])[m]))
                   : 0.0F;
      for (std::int64_t i = 0; i < length; ++i) {
        sum += static_cast<float>(static_cast<wide_of<T>>(row[i])) * values[i];
      }
      *d = static_cast<T>(sum);
    }
  }
};

Kernel deform_kernel(const KernelContext& ctx) {
  auto how = deformed_of(ctx, ctx.shape(1)[2], ctx.shape(1)[3]);
  how.window.resolve(ctx.shape(0));
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = Deform<T>{.how = how,
                           .images = ctx.shape(0),
                           .weights = ctx.shape(1),
                           .result = ctx.output_shape(0),
                           .has_bias = ctx.inputs() > 3 && ctx.has(3),
                           .has_mask = ctx.inputs() > 4 && ctx.has(4)};
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register deform{
    {.type = "DeformConv", .since = 19, .infer = infer_deform, .kernel = deform_kernel}};

}  // namespace
}  // namespace coinfer::ops
