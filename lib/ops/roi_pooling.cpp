// Regions of images pooled to one size: coinfer.RoiPooling and coinfer.PsRoiPooling. Images
// [N, C, H, W] and regions [R, 5] (image, x0, y0, x1, y1).
#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

struct Pooling {
  std::int64_t rows, columns, channels, bins_x, bins_y;
  float scale;
  bool bilinear;
};

template <class Context>
Pooling pooling_of(const Context& ctx) {
  const auto& a = ctx.attributes();
  const Pooling p{.rows = a.integer("rows", 1),
                  .columns = a.integer("columns", 1),
                  .channels = a.integer("channels", 1),
                  .bins_x = a.integer("bins_x", 1),
                  .bins_y = a.integer("bins_y", 1),
                  .scale = a.real("spatial_scale", 1),
                  .bilinear = a.integer("bilinear", 0) != 0};
  for (const auto extent : {p.rows, p.columns, p.channels, p.bins_x, p.bins_y}) {
    if (extent < 1 || extent > 1 << 16) {
      ctx.fail(fmt::format("an extent would be {}", extent));
    }
  }
  return p;
}

void check_regions(const InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_rank(0, 4, 4);
  ctx.check_rank(1, 2, 2);
  if (ctx.type(0) != ctx.type(1)) {
    ctx.fail(fmt::format("images are {} and regions {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(1))));
  }
  if (ctx.shape(1).has_rank() && !ctx.shape(1)[1].contains(5)) {
    ctx.fail(fmt::format("regions of shape {} were given; [R,5] was expected",
                         ctx.shape(1).to_string()));
  }
}

Dimension regions_of(const InferContext& ctx) {
  return ctx.shape(1).has_rank() ? ctx.shape(1)[0] : Dimension{};
}

void infer_roi(InferContext& ctx) {
  check_regions(ctx);
  const auto p = pooling_of(ctx);
  ctx.output(0, ctx.type(0),
             PartialShape{regions_of(ctx), ctx.shape(0).has_rank() ? ctx.shape(0)[1] : Dimension{},
                          p.rows, p.columns});
}

void infer_ps(InferContext& ctx) {
  check_regions(ctx);
  const auto p = pooling_of(ctx);
  const auto needed = p.channels * (p.bilinear ? p.bins_x * p.bins_y : p.rows * p.columns);
  if (ctx.shape(0).has_rank() && !ctx.shape(0)[1].contains(needed)) {
    ctx.fail(fmt::format("images of shape {} were given; {} channels were expected",
                         ctx.shape(0).to_string(), needed));
  }
  ctx.output(0, ctx.type(0), PartialShape{regions_of(ctx), p.channels, p.rows, p.columns});
}

struct Image {
  const float* data;
  std::int64_t height, width;

  float at(float y, float x) const {
    const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
    const auto bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
    const auto down = y - static_cast<float>(top), along = x - static_cast<float>(left);
    const auto upper = data[top * width + left] * (1 - along) + data[top * width + right] * along;
    const auto lower =
        data[bottom * width + left] * (1 - along) + data[bottom * width + right] * along;
    return upper + (lower - upper) * down;
  }
  bool holds(float y, float x) const {
    return y >= 0 && y <= static_cast<float>(height - 1) && x >= 0 &&
           x <= static_cast<float>(width - 1);
  }
};

/// Elements [begin, end) of an axis that a bin covers.
struct Range {
  std::int64_t begin, end;
};

Range range_of(double begin, double end, std::int64_t extent) {
  // What is no number counts as 0.
  const auto inside = [extent](double at) {
    return at > 0 ? static_cast<std::int64_t>(std::min(at, static_cast<double>(extent)))
                  : std::int64_t{0};
  };
  return {inside(std::floor(begin)), inside(std::ceil(end))};
}

/// The largest element of each bin.
void pool_max(const Pooling& p, const Image& image, const float* region, float* dst) {
  // In double: as OpenVINO's, 5 * 0.7F lies below 3.5.
  const auto place = [&](int i) {
    return static_cast<float>(std::round(double{region[i]} * double{p.scale}));
  };
  const auto x0 = place(1), y0 = place(2);
  const auto bin_w = std::max(place(3) - x0 + 1, 1.0F) / static_cast<float>(p.columns);
  const auto bin_h = std::max(place(4) - y0 + 1, 1.0F) / static_cast<float>(p.rows);
  for (std::int64_t i = 0; i < p.rows; ++i) {
    for (std::int64_t k = 0; k < p.columns; ++k) {
      const auto r = static_cast<float>(i), c = static_cast<float>(k);
      const auto down =
          range_of(std::floor(r * bin_h) + y0, std::ceil((r + 1) * bin_h) + y0, image.height);
      const auto along =
          range_of(std::floor(c * bin_w) + x0, std::ceil((c + 1) * bin_w) + x0, image.width);
      const bool empty = down.begin >= down.end || along.begin >= along.end;
      float most = empty ? 0 : image.data[down.begin * image.width + along.begin];
      for (auto y = down.begin; y < down.end; ++y) {
        for (auto x = along.begin; x < along.end; ++x) {
          most = std::max(most, image.data[y * image.width + x]);
        }
      }
      *dst++ = most;
    }
  }
}

/// Where element `i` of `count` lies between two parts of an axis.
float between(float begin, float end, std::int64_t i, std::int64_t count, std::int64_t extent) {
  const auto last = static_cast<float>(extent - 1);
  return count > 1 ? static_cast<float>(i) * (end - begin) * last / static_cast<float>(count - 1) +
                         begin * last
                   : 0.5F * (begin + end) * last;
}

void pool_bilinear(const Pooling& p, const Image& image, const float* region, float* dst) {
  for (std::int64_t i = 0; i < p.rows; ++i) {
    for (std::int64_t k = 0; k < p.columns; ++k) {
      const auto y = between(region[2], region[4], i, p.rows, image.height);
      const auto x = between(region[1], region[3], k, p.columns, image.width);
      *dst++ = image.holds(y, x) ? image.at(y, x) : 0;
    }
  }
}

/// The mean of each bin, of a channel of its own.
void ps_average(const Pooling& p, const Shape& images, const float* batch, const float* region,
                float* dst) {
  const auto height = images[2], width = images[3];
  const auto x0 = std::round(region[1]) * p.scale, y0 = std::round(region[2]) * p.scale;
  const auto x1 = (std::round(region[3]) + 1) * p.scale, y1 = (std::round(region[4]) + 1) * p.scale;
  const auto bin_w = std::max(x1 - x0, 0.1F) / static_cast<float>(p.columns);
  const auto bin_h = std::max(y1 - y0, 0.1F) / static_cast<float>(p.rows);
  for (std::int64_t c = 0; c < p.channels; ++c) {
    for (std::int64_t i = 0; i < p.rows; ++i) {
      for (std::int64_t k = 0; k < p.columns; ++k) {
        const auto down = range_of(static_cast<float>(i) * bin_h + y0,
                                   static_cast<float>(i + 1) * bin_h + y0, height);
        const auto along = range_of(static_cast<float>(k) * bin_w + x0,
                                    static_cast<float>(k + 1) * bin_w + x0, width);
        const auto* plane = batch + ((c * p.rows + i) * p.columns + k) * height * width;
        float sum = 0;
        for (auto y = down.begin; y < down.end; ++y) {
          for (auto x = along.begin; x < along.end; ++x) {
            sum += plane[y * width + x];
          }
        }
        const auto count = (down.end - down.begin) * (along.end - along.begin);
        *dst++ =
            down.end > down.begin && along.end > along.begin ? sum / static_cast<float>(count) : 0;
      }
    }
  }
}

/// The mean of samples, one of each part of the region, each of a channel of its own.
void ps_bilinear(const Pooling& p, const Shape& images, const float* batch, const float* region,
                 float* dst) {
  const auto height = images[2], width = images[3];
  const auto x0 = region[1] * p.scale, y0 = region[2] * p.scale;
  const auto part_w = (region[3] * p.scale - x0) / static_cast<float>(p.bins_x);
  const auto part_h = (region[4] * p.scale - y0) / static_cast<float>(p.bins_y);
  for (std::int64_t c = 0; c < p.channels; ++c) {
    for (std::int64_t i = 0; i < p.rows; ++i) {
      for (std::int64_t k = 0; k < p.columns; ++k) {
        float sum = 0;
        for (std::int64_t a = 0; a < p.bins_y; ++a) {
          for (std::int64_t b = 0; b < p.bins_x; ++b) {
            const auto top = y0 + static_cast<float>(a) * part_h;
            const auto left = x0 + static_cast<float>(b) * part_w;
            const auto y = between(top, top + part_h, i, p.rows, height);
            const auto x = between(left, left + part_w, k, p.columns, width);
            const Image image{batch + ((a * p.bins_x + b) * p.channels + c) * height * width,
                              height, width};
            sum += image.holds(y, x) ? image.at(y, x) : 0;
          }
        }
        *dst++ = sum / static_cast<float>(p.bins_x * p.bins_y);
      }
    }
  }
}

template <bool position_sensitive>
Kernel pooling_kernel(const KernelContext& ctx) {
  const auto p = pooling_of(ctx);
  const auto images = ctx.shape(0);
  const auto regions = ctx.shape(1)[0];
  const auto each = ctx.output_shape(0).elements() / std::max<std::int64_t>(regions, 1);
  if (ctx.type(0) != ElementType::f32) {
    ctx.unsupported_type(ctx.type(0));
  }
  return [=](const void* const* src, void* const* dst) {
    const auto* region = static_cast<const float*>(src[1]);
    auto* to = static_cast<float*>(dst[0]);
    const auto plane = images[2] * images[3];
    for (std::int64_t r = 0; r < regions; ++r, region += 5, to += each) {
      // From a number of -1 on there are no more regions.
      if (region[0] < 0 || plane == 0) {
        std::fill_n(to, (regions - r) * each, 0.0F);
        return;
      }
      if (!(region[0] < static_cast<float>(images[0]))) {
        throw Error(
            fmt::format("the image {} of region {} is none of {}", region[0], r, images[0]));
      }
      const auto* batch = static_cast<const float*>(src[0]) +
                          static_cast<std::int64_t>(region[0]) * images[1] * plane;
      if constexpr (position_sensitive) {
        (p.bilinear ? ps_bilinear : ps_average)(p, images, batch, region, to);
      } else {
        for (std::int64_t c = 0; c < images[1]; ++c) {
          const Image image{batch + c * plane, images[2], images[3]};
          (p.bilinear ? pool_bilinear : pool_max)(p, image, region, to + c * p.rows * p.columns);
        }
      }
    }
  };
}

const Register roi_pooling{{.type = "RoiPooling",
                            .infer = infer_roi,
                            .kernel = pooling_kernel<false>,
                            .domain = "coinfer"}};
const Register ps_roi_pooling{{.type = "PsRoiPooling",
                               .infer = infer_ps,
                               .kernel = pooling_kernel<true>,
                               .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
