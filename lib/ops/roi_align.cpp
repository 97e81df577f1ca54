#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.RoiAlign: regions [R, 4] (x0, y0, x1, y1) of images [N, C, H, W], each sampled
// bilinearly to [C, rows, columns] (He et al., Mask R-CNN, ICCV 2017); input 2 tells the image of
// each (i64). With rotated = 1 regions are [R, 5]: the middle x and y, width, height, and the angle
// (radians) by which they are turned, clockwise or not.

struct Alignment {
  std::int64_t rows = 1, columns = 1, sampling = 0;
  float scale = 1;
  float before = 0, after = 0;  ///< added to a coordinate before and after it is scaled
  bool at_least_one = true;     ///< no region is smaller than one element
  bool max = false;
  bool rotated = false;
  float turn = 1;  ///< the sign of angles

  std::int64_t numbers() const { return rotated ? 5 : 4; }  ///< of a region
};

template <class Context>
Alignment alignment_of(const Context& ctx) {
  const auto& attributes = ctx.attributes();
  Alignment how;
  how.rows = attributes.integer("rows", 1);
  how.columns = attributes.integer("columns", 1);
  how.sampling = attributes.integer("sampling_ratio", 0);
  how.scale = attributes.real("spatial_scale", 1);
  if (how.rows < 1 || how.columns < 1 || how.rows > 1 << 16 || how.columns > 1 << 16 ||
      how.sampling < 0 || how.sampling > 64) {
    ctx.fail(fmt::format("a result of {} x {} with {} samples cannot be made", how.rows,
                         how.columns, how.sampling));
  }
  const auto mode = attributes.text("aligned_mode", "asymmetric");
  if (mode != "asymmetric") {
    how.before = mode == "half_pixel" ? 0.5F : 0.0F;
    how.after = -0.5F;
    how.at_least_one = false;
  }
  how.max = attributes.text("mode", "avg") == "max";
  how.rotated = attributes.integer("rotated", 0) != 0;
  how.turn = attributes.integer("clockwise", 0) != 0 ? 1.0F : -1.0F;
  return how;
}

void infer_align(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_rank(0, 4, 4);
  ctx.check_rank(1, 2, 2);
  ctx.check_rank(2, 1, 1);
  ctx.check_type(2, {ElementType::i64});
  const auto how = alignment_of(ctx);
  if (ctx.type(0) != ctx.type(1)) {
    ctx.fail(fmt::format("images are {} and regions {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(1))));
  }
  const auto& images = ctx.shape(0);
  const auto& regions = ctx.shape(1);
  if (regions.has_rank() &&
      (!regions[1].contains(how.numbers()) ||
       (ctx.shape(2).has_rank() && !Dimension::merge(regions[0], ctx.shape(2)[0])))) {
    ctx.fail(fmt::format("regions of shape {} and numbers of shape {} do not fit",
                         regions.to_string(), ctx.shape(2).to_string()));
  }
  ctx.output(0, ctx.type(0),
             PartialShape{regions.has_rank() ? regions[0] : Dimension{},
                          images.has_rank() ? images[1] : Dimension{}, how.rows, how.columns});
}

/// Four neighbours with their weights; all zero outside of the image.
struct Sample {
  std::array<std::int64_t, 4> at{};
  std::array<float, 4> weight{};
};

Sample sample_at(float y, float x, std::int64_t height, std::int64_t width) {
  Sample sample;
  if (!(y >= -1 && y <= static_cast<float>(height) && x >= -1 && x <= static_cast<float>(width))) {
    return sample;
  }
  const auto part = [](float at, std::int64_t extent, std::int64_t& low, std::int64_t& high) {
    at = std::max(at, 0.0F);
    low = static_cast<std::int64_t>(at);
    if (low >= extent - 1) {
      low = high = extent - 1;
      return 0.0F;
    }
    high = low + 1;
    return at - static_cast<float>(low);
  };
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
  const auto down = part(y, height, top, bottom);
  const auto along = part(x, width, left, right);
  sample.at = {top * width + left, top * width + right, bottom * width + left,
               bottom * width + right};
  sample.weight = {(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along};
  return sample;
}

template <class T>
void align(const Alignment& how, const Shape& images, std::int64_t regions, const T* src,
           const T* boxes, const std::int64_t* numbers, T* dst) {
  const auto height = images[2], width = images[3];
  // Of one region: grows once per thread.
  thread_local std::vector<Sample> samples;
  for (std::int64_t r = 0; r < regions; ++r, boxes += how.numbers()) {
    if (numbers[r] < 0 || numbers[r] >= images[0]) {
      throw Error(fmt::format("the image {} of region {} is none of {}", numbers[r], r, images[0]));
    }
    const auto place = [&](int i) {
      return (static_cast<float>(boxes[i]) + how.before) * how.scale + how.after;
    };
    auto x0 = place(0), y0 = place(1);
    auto w = place(2) - x0, h = place(3) - y0;
    const auto middle_x = x0, middle_y = y0;  // of a rotated region, which is walked from there
    float sine = 0, cosine = 1;
    if (how.rotated) {
      w = static_cast<float>(boxes[2]) * how.scale;
      h = static_cast<float>(boxes[3]) * how.scale;
      x0 = -w / 2;
      y0 = -h / 2;
      sine = std::sin(static_cast<float>(boxes[4]) * how.turn);
      cosine = std::cos(static_cast<float>(boxes[4]) * how.turn);
    }
    if (how.at_least_one) {
      w = std::max(w, 1.0F);
      h = std::max(h, 1.0F);
    }
    const auto bin_w = w / static_cast<float>(how.columns);
    const auto bin_h = h / static_cast<float>(how.rows);
    const auto count = [&](float bin, std::int64_t extent) {
      // No more samples than a bin over the whole image would take.
      const auto most = static_cast<float>(2 * extent + 2);
      return how.sampling > 0
                 ? how.sampling
                 : static_cast<std::int64_t>(
                       std::isfinite(bin) ? std::clamp(std::ceil(bin), 1.0F, most) : 1.0F);
    };
    const auto down = count(bin_h, height), along = count(bin_w, width);
    samples.clear();
    for (std::int64_t i = 0; i < how.rows; ++i) {
      for (std::int64_t k = 0; k < how.columns; ++k) {
        for (std::int64_t a = 0; a < down; ++a) {
          for (std::int64_t b = 0; b < along; ++b) {
            const auto y = y0 + static_cast<float>(i) * bin_h +
                           (static_cast<float>(a) + 0.5F) * bin_h / static_cast<float>(down);
            const auto x = x0 + static_cast<float>(k) * bin_w +
                           (static_cast<float>(b) + 0.5F) * bin_w / static_cast<float>(along);
            samples.push_back(how.rotated
                                  ? sample_at(x * sine + y * cosine + middle_y,
                                              x * cosine - y * sine + middle_x, height, width)
                                  : sample_at(y, x, height, width));
          }
        }
      }
    }
    const auto per_bin = static_cast<std::size_t>(down * along);
    for (std::int64_t c = 0; c < images[1]; ++c) {
      const auto* plane = src + (numbers[r] * images[1] + c) * height * width;
      for (std::size_t first = 0; first < samples.size(); first += per_bin) {
        float sum = 0;
        float most = 0;
        for (auto s = first; s < first + per_bin; ++s) {
          float value = 0;
          for (std::size_t n = 0; n < 4; ++n) {
            value += static_cast<float>(plane[samples[s].at[n]]) * samples[s].weight[n];
          }
          sum += value;
          most = std::max(most, value);  // OpenVINO starts from zero
        }
        *dst++ = static_cast<T>(how.max ? most : sum / static_cast<float>(per_bin));
      }
    }
  }
}

Kernel align_kernel(const KernelContext& ctx) {
  const auto how = alignment_of(ctx);
  const auto images = ctx.shape(0);
  const auto regions = ctx.shape(1)[0];
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          if (images.elements() == 0) {
            std::fill_n(static_cast<T*>(dst[0]), regions * images[1] * how.rows * how.columns, T{});
            return;
          }
          align(how, images, regions, static_cast<const T*>(src[0]), static_cast<const T*>(src[1]),
                static_cast<const std::int64_t*>(src[2]), static_cast<T*>(dst[0]));
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register roi_align{
    {.type = "RoiAlign", .infer = infer_align, .kernel = align_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
