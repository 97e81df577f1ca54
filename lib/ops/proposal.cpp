#include <cmath>

#include "ops/op.hpp"
#include "ops/proposals.hpp"

namespace coinfer::ops {
namespace {

// coinfer.Proposal: regions of images that may hold objects (Ren et al., Faster R-CNN, NIPS 2015),
// from anchors of a size in several ratios and scales at each place. Inputs, f32: scores
// [N, 2 * A, h, w] (those of objects behind those of none), deltas [N, A * 4, h, w], the images'
// extents and scales [3 or 4]. Results: [N * M, 5] (the image's number and the corners; M =
// post_nms_count) and scores [N * M]. After the last region of an image that has fewer comes the
// number -1; the rest is zeros.

struct Proposals {
  std::int64_t images = 0, anchors = 0, height = 0, width = 0;
  std::int64_t base = 0, step = 0, before = 0, after = 0;
  float threshold = 0, least = 0, extent_scale = 1, place_scale = 1;
  bool clip_before = true, clip_after = false, normalize = false, tensorflow = false;
  std::vector<Box> boxes;

  float one() const { return tensorflow ? 0.0F : 1.0F; }
};

/// The anchors at the first place, ratios first.
std::vector<Box> anchors_of(const graph::Attributes& a, std::int64_t base, bool tensorflow) {
  const auto ratios = a.reals("ratio").value_or(std::vector<float>{});
  const auto scales = a.reals("scale").value_or(std::vector<float>{});
  const auto size = static_cast<float>(base), one = tensorflow ? 0.0F : 1.0F;
  const auto middle = tensorflow ? 0.0F : 0.5F * (size - one);
  std::vector<Box> boxes;
  for (const auto ratio : ratios) {
    const auto exact = std::sqrt(size * size / ratio);
    const auto width = tensorflow ? exact : std::round(exact);
    const auto height = tensorflow ? width * ratio : std::round(width * ratio);
    for (const auto scale : scales) {
      const auto x = 0.5F * (width * scale - one), y = 0.5F * (height * scale - one);
      boxes.push_back({middle - x, middle - y, middle + x, middle + y});
    }
  }
  return boxes;
}

void infer_proposal(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    ctx.check_type(i, {ElementType::f32});
    ctx.check_rank(i, i < 2 ? 4 : 1, i < 2 ? 4 : 1);
  }
  const auto& a = ctx.attributes();
  const auto count = a.integer("post_nms_count", 0);
  const auto ratios = a.reals("ratio").value_or(std::vector<float>{}).size();
  const auto scales = a.reals("scale").value_or(std::vector<float>{}).size();
  if (count < 0 || count > std::int64_t{1} << 24 || a.integer("pre_nms_count", 0) < 0 ||
      ratios > 4096 || scales > 4096) {
    ctx.fail(fmt::format("the best {} of {} regions with {} ratios and {} scales cannot be taken",
                         count, a.integer("pre_nms_count", 0), ratios, scales));
  }
  const auto anchors = static_cast<std::int64_t>(ratios * scales);
  const auto &scores = ctx.shape(0), &deltas = ctx.shape(1);
  const auto fits = [](const PartialShape& shape, std::int64_t channels) {
    return !shape.has_rank() || shape[1].contains(channels);
  };
  bool together = true;
  for (std::size_t i = 0; i < 4; ++i) {
    together = together && (i == 1 || !scores.has_rank() || !deltas.has_rank() ||
                            Dimension::merge(scores[i], deltas[i]));
  }
  if (!together || !fits(scores, 2 * anchors) || !fits(deltas, 4 * anchors)) {
    ctx.fail(fmt::format("scores of shape {} and deltas of shape {} do not fit {} anchors",
                         scores.to_string(), deltas.to_string(), anchors));
  }
  if (ctx.shape(2).has_rank() && !ctx.shape(2)[0].contains(3) && !ctx.shape(2)[0].contains(4)) {
    ctx.fail(fmt::format("the image's extents have the shape {}", ctx.shape(2).to_string()));
  }
  Dimension rows;
  if (scores.has_rank() && scores[0].is_static()) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(scores[0].length(), count, &product)) {
      ctx.fail("it has more regions than can be counted");
    }
    rows = product;
  }
  ctx.output(0, ElementType::f32, PartialShape{rows, 5});
  ctx.output(1, ElementType::f32, PartialShape{rows});
}

std::vector<Proposal> propose(const Proposals& how, const float* scores, const float* deltas,
                              std::span<const float> image) {
  const auto area = how.height * how.width;
  const auto limit_y = how.least * image[2], limit_x = how.least * image[image.size() - 1];
  std::vector<Proposal> found;
  found.reserve(static_cast<std::size_t>(area * how.anchors));
  for (std::int64_t place = 0; place < area; ++place) {
    auto x = static_cast<float>(place % how.width * how.step);
    auto y = static_cast<float>(place / how.width * how.step);
    if (how.tensorflow) {
      std::swap(x, y);  // a corner's first number counts rows
    }
    for (std::int64_t a = 0; a < how.anchors; ++a) {
      auto box = how.boxes[static_cast<std::size_t>(a)];
      box = {box[0] + x, box[1] + y, box[2] + x, box[3] + y};
      const auto number = [&](std::int64_t i) { return deltas[(a * 4 + i) * area + place]; };
      if (how.tensorflow) {
        box = clipped(box, image[1], image[0], 0);
      }
      const Box delta{number(0) / how.place_scale, number(1) / how.place_scale,
                      number(2) / how.extent_scale, number(3) / how.extent_scale};
      const auto width = box[2] - box[0] + how.one(), height = box[3] - box[1] + how.one();
      const auto middle_x = delta[0] * width + box[0] + 0.5F * width;
      const auto middle_y = delta[1] * height + box[1] + 0.5F * height;
      const auto w = std::exp(delta[2]) * width, h = std::exp(delta[3]) * height;
      box = {middle_x - 0.5F * w, middle_y - 0.5F * h, middle_x + 0.5F * w, middle_y + 0.5F * h};
      if (how.clip_before) {
        box = how.tensorflow ? clipped(box, image[1], image[0], 0)
                             : clipped(box, image[0], image[1], 1);
      }
      const bool large =
          box[2] - box[0] + how.one() >= limit_x && box[3] - box[1] + how.one() >= limit_y;
      found.push_back(
          {box, large ? scores[(how.anchors + a) * area + place] : 0.0F, place * how.anchors + a});
    }
  }
  keep_best(found, how.before);
  suppress(found, how.threshold, how.after, how.one());
  return found;
}

Kernel proposal_kernel(const KernelContext& ctx) {
  const auto& a = ctx.attributes();
  Proposals how;
  const auto shape = ctx.shape(0);
  how.images = shape[0];
  how.height = shape[2];
  how.width = shape[3];
  how.base = a.integer("base_size", 0);
  how.step = a.integer("step", 0);
  how.before = a.integer("pre_nms_count", 0);
  how.after = a.integer("post_nms_count", 0);
  how.threshold = a.real("nms_threshold", 0);
  how.least = a.real("min_size", 0);
  how.extent_scale = a.real("extent_scale", 1);
  how.place_scale = a.real("place_scale", 1);
  how.clip_before = a.integer("clip_before", 1) != 0;
  how.clip_after = a.integer("clip_after", 0) != 0;
  how.normalize = a.integer("normalize", 0) != 0;
  how.tensorflow = a.integer("tensorflow", 0) != 0;
  how.boxes = anchors_of(a, how.base, how.tensorflow);
  how.anchors = static_cast<std::int64_t>(how.boxes.size());
  if (how.step < 0 || how.step > 1 << 20 || how.base < 0 || how.base > 1 << 20) {
    ctx.fail(fmt::format("anchors of {} with a step of {} cannot be used", how.base, how.step));
  }
  return [how, numbers = static_cast<std::size_t>(ctx.shape(2)[0])](const void* const* src,
                                                                    void* const* dst) {
    const auto area = how.height * how.width;
    const std::span image{static_cast<const float*>(src[2]), numbers};
    auto* regions = static_cast<float*>(dst[0]);
    auto* best = static_cast<float*>(dst[1]);
    for (std::int64_t n = 0; n < how.images; ++n) {
      const auto found =
          propose(how, static_cast<const float*>(src[0]) + n * 2 * how.anchors * area,
                  static_cast<const float*>(src[1]) + n * 4 * how.anchors * area, image);
      const auto count = static_cast<std::int64_t>(found.size());
      for (std::int64_t i = 0; i < how.after; ++i) {
        if (best != nullptr) {
          *best++ = i < count ? found[static_cast<std::size_t>(i)].score : 0.0F;
        }
        if (regions == nullptr) {
          continue;
        }
        auto* d = regions + (n * how.after + i) * 5;
        std::fill_n(d, 5, 0.0F);
        if (i >= count) {
          d[0] = i == count ? -1.0F : 0.0F;
          continue;
        }
        auto box = found[static_cast<std::size_t>(i)].box;
        if (how.clip_after) {
          box = clipped(box, image[how.tensorflow ? 1 : 0], image[how.tensorflow ? 0 : 1], 0);
        }
        d[0] = static_cast<float>(n);
        for (std::size_t k = 0; k < 4; ++k) {
          d[k + 1] = how.normalize ? box[k] / image[k % 2 == 0 ? 1 : 0] : box[k];
        }
      }
    }
  };
}

const Register proposal{
    {.type = "Proposal", .infer = infer_proposal, .kernel = proposal_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
