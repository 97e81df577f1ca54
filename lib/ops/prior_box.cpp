#include <cmath>

#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

// coinfer.PriorBox and coinfer.PriorBoxClustered: the boxes that SSD networks start from (Liu et
// al., SSD, ECCV 2016). Inputs: the extents of a layer and of the image, (height, width) each
// (i64). Result [2, H * W * boxes * 4], f32: the boxes, then the variance of each of their numbers.

using Reals = std::vector<float>;

template <class Context>
Reals reals(const Context& ctx, const char* name) {
  return ctx.attributes().reals(name).value_or(Reals{});
}

struct Priors {
  Reals min_size, max_size, fixed_ratio, fixed_size, density, variance;
  Reals ratios;  ///< 1, those given, and with `flip` their inverses; each once
  float step, offset;
  bool clip, scale_all, max_first;
};

template <class Context>
Priors priors_of(const Context& ctx) {
  const auto& attributes = ctx.attributes();
  Priors p{.min_size = reals(ctx, "min_size"),
           .max_size = reals(ctx, "max_size"),
           .fixed_ratio = reals(ctx, "fixed_ratio"),
           .fixed_size = reals(ctx, "fixed_size"),
           .density = reals(ctx, "density"),
           .variance = reals(ctx, "variance"),
           .ratios = {1},
           .step = attributes.real("step", 0),
           .offset = attributes.real("offset", 0),
           .clip = attributes.integer("clip", 0) != 0,
           .scale_all = attributes.integer("scale_all_sizes", 1) != 0,
           .max_first = attributes.integer("min_max_aspect_ratios_order", 1) != 0};
  const bool flip = attributes.integer("flip", 0) != 0;
  for (const auto ratio : reals(ctx, "aspect_ratio")) {
    if (!(ratio > 0)) {
      ctx.fail(fmt::format("an aspect ratio is {}", ratio));
    }
    if (std::none_of(p.ratios.begin(), p.ratios.end(),
                     [&](float other) { return std::abs(ratio - other) < 1e-6F; })) {
      p.ratios.push_back(ratio);
      if (flip) {
        p.ratios.push_back(1 / ratio);
      }
    }
  }
  if (p.variance.empty()) {
    p.variance.push_back(0.1F);
  }
  if (p.variance.size() != 1 && p.variance.size() != 4) {
    ctx.fail(fmt::format("{} variances were given; 1 or 4 were expected", p.variance.size()));
  }
  for (const auto density : p.density) {
    if (!(density >= 1 && density <= 1024)) {
      ctx.fail(fmt::format("a density is {}", density));
    }
  }
  if (!p.fixed_size.empty() && !p.density.empty() && p.density.size() < p.fixed_size.size()) {
    ctx.fail(
        fmt::format("{} densities were given for {} sizes", p.density.size(), p.fixed_size.size()));
  }
  return p;
}

/// Writes the boxes around one centre; with a null `to` it only counts them.
class Writer {
 public:
  Writer(float image_height, float image_width, float* to)
      : height_{image_height}, width_{image_width}, to_{to} {}

  std::int64_t count() const { return count_; }

  /// Half of the width and height; densely placed boxes are clipped at once.
  void box(float x, float y, float w, float h, bool clip) {
    ++count_;
    if (to_ == nullptr) {
      return;
    }
    for (const auto value :
         {(x - w) / width_, (y - h) / height_, (x + w) / width_, (y + h) / height_}) {
      *to_++ = clip ? std::clamp(value, 0.0F, 1.0F) : value;
    }
  }

  /// density x density boxes in a square of edge `size`.
  void grid(float x, float y, float w, float h, float size, std::int64_t density) {
    const auto shift = size / static_cast<float>(density);
    for (std::int64_t r = 0; r < density; ++r) {
      for (std::int64_t c = 0; c < density; ++c) {
        box(x - size / 2 + shift / 2 + static_cast<float>(c) * shift,
            y - size / 2 + shift / 2 + static_cast<float>(r) * shift, w, h, true);
      }
    }
  }

 private:
  float height_, width_;
  float* to_;
  std::int64_t count_ = 0;
};

void write_fixed(const Priors& p, float x, float y, Writer& writer) {
  for (std::size_t s = 0; s < p.fixed_size.size(); ++s) {
    const auto size = p.fixed_size[s];
    const auto half = size / 2;
    const auto density = p.density.empty() ? 1 : static_cast<std::int64_t>(p.density[s]);
    if (!p.fixed_ratio.empty()) {
      for (const auto ratio : p.fixed_ratio) {
        const auto root = std::sqrt(ratio);
        writer.grid(x, y, half * root, half / root, size, density);
      }
      continue;
    }
    if (!p.density.empty()) {
      writer.grid(x, y, half, half, size, density);
    }
    for (const auto ratio : p.ratios) {
      if (std::abs(ratio - 1) >= 1e-6F) {
        const auto root = std::sqrt(ratio);
        writer.grid(x, y, half * root, half / root, size, density);
      }
    }
  }
}

void write_sizes(const Priors& p, const Reals& sizes, float x, float y, Writer& writer) {
  for (std::size_t s = 0; s < sizes.size(); ++s) {
    const auto half = sizes[s] / 2;
    writer.box(x, y, half, half, false);
    const auto larger = [&] {
      if (s < p.max_size.size()) {
        const auto edge = std::sqrt(sizes[s] * p.max_size[s]) / 2;
        writer.box(x, y, edge, edge, false);
      }
    };
    const auto shaped = [&] {
      if (!p.scale_all && s + 1 != sizes.size()) {
        return;
      }
      const auto of = sizes[p.scale_all ? s : 0] / 2;
      for (const auto ratio : p.ratios) {
        if (std::abs(ratio - 1) >= 1e-6F) {
          const auto root = std::sqrt(ratio);
          writer.box(x, y, of * root, of / root, false);
        }
      }
    };
    if (p.max_first) {
      larger();
      shaped();
    } else {
      shaped();
      larger();
    }
  }
}

/// So many boxes has each place. Attributes for which OpenVINO reserves another number than it
/// makes are refused.
template <class Context>
std::int64_t boxes_of(const Context& ctx, const Priors& p) {
  Writer writer{1, 1, nullptr};
  write_fixed(p, 0, 0, writer);
  write_sizes(p, p.min_size, 0, 0, writer);
  const auto ratios = p.ratios.size();
  auto reserved =
      p.scale_all ? ratios * p.min_size.size() + p.max_size.size() : ratios + p.min_size.size() - 1;
  if (!p.fixed_size.empty()) {
    reserved = ratios * p.fixed_size.size();
  }
  for (const auto density : p.density) {
    const auto more = static_cast<std::size_t>(density) * static_cast<std::size_t>(density) - 1;
    reserved += (p.fixed_ratio.empty() ? ratios : p.fixed_ratio.size()) * more;
  }
  if (static_cast<std::int64_t>(reserved) != writer.count()) {
    ctx.fail(fmt::format("its sizes and ratios ask for {} boxes at each place and describe {}",
                         reserved, writer.count()));
  }
  return writer.count();
}

/// (height, width) of an input; fails for anything else.
template <class Context>
std::pair<std::int64_t, std::int64_t> extents_of(
    const Context& ctx, const std::optional<std::vector<std::int64_t>>& values) {
  if (!values || values->size() < 2 || (*values)[0] < 0 || (*values)[1] < 0) {
    ctx.fail("a height and a width were expected");
  }
  return {(*values)[0], (*values)[1]};
}

void infer_boxes(InferContext& ctx, std::int64_t boxes) {
  ctx.check_inputs(2, 2);
  ctx.check_type(0, {ElementType::i64});
  ctx.check_type(1, {ElementType::i64});
  const auto layer = ctx.integers(0);
  Dimension length{};
  if (layer) {
    const auto [height, width] = extents_of(ctx, layer);
    std::int64_t count = 0;
    if (__builtin_mul_overflow(height, width, &count) ||
        __builtin_mul_overflow(count, 4 * boxes, &count)) {
      ctx.fail("there are too many boxes");
    }
    length = Dimension{count};
  }
  ctx.output(0, ElementType::f32, PartialShape{2, length});
}

void infer_priors(InferContext& ctx) { infer_boxes(ctx, boxes_of(ctx, priors_of(ctx))); }

void write_variance(const Reals& variance, float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = variance[variance.size() == 1 ? 0 : static_cast<std::size_t>(i % 4)];
  }
}

void check_extents(const KernelContext& ctx) {
  if (ctx.shape(0).elements() < 2 || ctx.shape(1).elements() < 2) {
    ctx.fail("a height and a width were expected");
  }
}

std::int64_t checked_count(std::int64_t height, std::int64_t width, std::int64_t each,
                           std::int64_t expected) {
  if (height < 0 || width < 0 || height * width * each * 4 != expected) {
    throw Error(
        fmt::format("the layer is {} x {}; it was planned for another size", height, width));
  }
  return height * width * each * 4;
}

Kernel priors_kernel(const KernelContext& ctx) {
  const auto p = priors_of(ctx);
  const auto each = boxes_of(ctx, p);
  check_extents(ctx);
  const auto length = ctx.output_shape(0)[1];
  return [=](const void* const* src, void* const* dst) {
    const auto* layer = static_cast<const std::int64_t*>(src[0]);
    const auto* image = static_cast<const std::int64_t*>(src[1]);
    auto* to = static_cast<float*>(dst[0]);
    const auto count = checked_count(layer[0], layer[1], each, length);
    const auto height = static_cast<float>(layer[0]), width = static_cast<float>(layer[1]);
    const auto image_height = static_cast<float>(image[0]);
    const auto image_width = static_cast<float>(image[1]);
    auto sizes = p.min_size;
    auto step = p.step;
    if (!p.scale_all) {
      // Steps and sizes are parts of the image's height.
      step = step == -1 ? image_height / height : step * image_height;
      for (auto& size : sizes) {
        size *= image_height;
      }
    }
    Writer writer{image_height, image_width, to};
    for (std::int64_t h = 0; h < layer[0]; ++h) {
      for (std::int64_t w = 0; w < layer[1]; ++w) {
        const auto column = static_cast<float>(w), row = static_cast<float>(h);
        const auto x =
            step == 0 ? (column + 0.5F) * image_width / width : (column + p.offset) * step;
        const auto y = step == 0 ? (row + 0.5F) * image_height / height : (row + p.offset) * step;
        write_fixed(p, x, y, writer);
        write_sizes(p, sizes, x, y, writer);
      }
    }
    if (p.clip) {
      std::transform(to, to + count, to, [](float v) { return std::clamp(v, 0.0F, 1.0F); });
    }
    write_variance(p.variance, to + count, count);
  };
}

void infer_clustered(InferContext& ctx) {
  const auto widths = reals(ctx, "width"), heights = reals(ctx, "height");
  if (widths.size() != heights.size()) {
    ctx.fail(fmt::format("{} widths and {} heights were given", widths.size(), heights.size()));
  }
  const auto variances = reals(ctx, "variance").size();
  if (variances != 0 && variances != 1 && variances != 4) {
    ctx.fail(fmt::format("{} variances were given; 1 or 4 were expected", variances));
  }
  infer_boxes(ctx, static_cast<std::int64_t>(widths.size()));
}

Kernel clustered_kernel(const KernelContext& ctx) {
  const auto widths = reals(ctx, "width"), heights = reals(ctx, "height");
  auto variance = reals(ctx, "variance");
  if (variance.empty()) {
    variance.push_back(0.1F);
  }
  const auto& attributes = ctx.attributes();
  const auto step = attributes.real("step", 0);
  const auto given_w = attributes.real("step_widths", 0),
             given_h = attributes.real("step_heights", 0);
  const auto offset = attributes.real("offset", 0);
  const bool clip = attributes.integer("clip", 1) != 0;
  check_extents(ctx);
  const auto length = ctx.output_shape(0)[1];
  return [=](const void* const* src, void* const* dst) {
    const auto* layer = static_cast<const std::int64_t*>(src[0]);
    const auto* image = static_cast<const std::int64_t*>(src[1]);
    auto* to = static_cast<float*>(dst[0]);
    const auto count =
        checked_count(layer[0], layer[1], static_cast<std::int64_t>(widths.size()), length);
    const auto image_height = static_cast<float>(image[0]);
    const auto image_width = static_cast<float>(image[1]);
    auto step_w = given_w == 0 ? step : given_w, step_h = given_h == 0 ? step : given_h;
    if (step_w == 0 && step_h == 0) {
      step_w = image_width / static_cast<float>(layer[1]);
      step_h = image_height / static_cast<float>(layer[0]);
    }
    auto* end = to;
    for (std::int64_t h = 0; h < layer[0]; ++h) {
      for (std::int64_t w = 0; w < layer[1]; ++w) {
        const auto x = (static_cast<float>(w) + offset) * step_w;
        const auto y = (static_cast<float>(h) + offset) * step_h;
        for (std::size_t i = 0; i < widths.size(); ++i) {
          for (const auto value :
               {(x - widths[i] / 2) / image_width, (y - heights[i] / 2) / image_height,
                (x + widths[i] / 2) / image_width, (y + heights[i] / 2) / image_height}) {
            *end++ = clip ? std::clamp(value, 0.0F, 1.0F) : value;
          }
        }
      }
    }
    write_variance(variance, end, count);
  };
}

const Register prior_box{
    {.type = "PriorBox", .infer = infer_priors, .kernel = priors_kernel, .domain = "coinfer"}};
const Register prior_box_clustered{{.type = "PriorBoxClustered",
                                    .infer = infer_clustered,
                                    .kernel = clustered_kernel,
                                    .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
