#include <cmath>

#include "ops/op.hpp"
#include "ops/proposals.hpp"

namespace coinfer::ops {
namespace {

// coinfer.GenerateProposals: regions of images that may hold objects (Ren et al., Faster R-CNN,
// NIPS 2015). Inputs, f32: the images' extents and scales [N, 3 or 4] (height, width, …), anchors
// [h, w, A, 4], their deltas [N, A * 4, h, w] and scores [N, A, h, w]. Results: regions [R, 4],
// their scores [R], how many each image has (i64 [N]). With fixed = 1 there is one image, without N
// among its extents, deltas and scores, the anchors are [h * w * A, 4], and both results are filled
// up to post_nms_count with zeros.

void infer_generate(InferContext& ctx) {
  ctx.check_inputs(4, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    ctx.check_type(i, {ElementType::f32});
  }
  const bool fixed = ctx.attributes().integer("fixed", 0) != 0;
  const auto count = ctx.attributes().integer("post_nms_count", 0);
  if (count < 0 || count > std::int64_t{1} << 24 ||
      ctx.attributes().integer("pre_nms_count", 0) < 0) {
    ctx.fail(fmt::format("the best {} of {} regions cannot be taken", count,
                         ctx.attributes().integer("pre_nms_count", 0)));
  }
  ctx.check_rank(0, fixed ? 1 : 2, fixed ? 1 : 2);
  ctx.check_rank(1, fixed ? 2 : 4, fixed ? 2 : 4);
  ctx.check_rank(2, fixed ? 3 : 4, fixed ? 3 : 4);
  ctx.check_rank(3, fixed ? 3 : 4, fixed ? 3 : 4);
  if (fixed) {
    ctx.output(0, ElementType::f32, PartialShape{count, 4});
    ctx.output(1, ElementType::f32, PartialShape{count});
    return;
  }
  ctx.output(0, ElementType::f32, PartialShape{Dimension{}, 4});
  ctx.output(1, ElementType::f32, PartialShape{Dimension{}});
  ctx.output(2, ElementType::i64,
             PartialShape{ctx.shape(3).has_rank() ? ctx.shape(3)[0] : Dimension{}});
}

struct Limits {
  std::int64_t before, after;
  float least, threshold, eta, one;

  explicit Limits(const graph::Attributes& a)
      : before{a.integer("pre_nms_count", 0)},
        after{a.integer("post_nms_count", 0)},
        least{a.real("min_size", 0)},
        threshold{a.real("nms_threshold", 0)},
        eta{a.real("nms_eta", 1)},
        one{a.integer("normalized", 1) != 0 ? 0.0F : 1.0F} {}
};

/// Of one image; `shape` is that of its scores [A, h, w].
std::vector<Proposal> propose(const Limits& limits, std::span<const float> image,
                              const float* anchors, const float* deltas, const float* scores,
                              std::array<std::int64_t, 3> shape) {
  const auto [per_place, height, width] = shape;
  const auto area = height * width;
  std::vector<Proposal> found;
  found.reserve(static_cast<std::size_t>(area * per_place));
  for (std::int64_t place = 0; place < area; ++place) {
    for (std::int64_t a = 0; a < per_place; ++a) {
      const auto index = place * per_place + a;
      Box anchor{}, delta{};
      for (std::int64_t i = 0; i < 4; ++i) {
        anchor[static_cast<std::size_t>(i)] = anchors[index * 4 + i];
        delta[static_cast<std::size_t>(i)] = deltas[(a * 4 + i) * area + place];
      }
      const auto longest = std::log(1000.0F / 16);
      const auto box =
          clipped(moved(anchor, delta, limits.one, longest), image[0], image[1], limits.one);
      const auto scale_y = image[2], scale_x = image.size() > 3 ? image[3] : image[2];
      const bool large = box[2] - box[0] + limits.one >= limits.least * scale_x &&
                         box[3] - box[1] + limits.one >= limits.least * scale_y;
      found.push_back({box, large ? scores[a * area + place] : 0.0F, index});
    }
  }
  keep_best(found, limits.before);
  suppress(found, limits.threshold, limits.after, limits.one, limits.eta);
  return found;
}

std::vector<Tensor> generate(const graph::Node& node, std::span<const Tensor> inputs) {
  const bool fixed = node.attributes.integer("fixed", 0) != 0;
  const Limits limits{node.attributes};
  const auto& scores = inputs[3].shape();
  const auto skipped = fixed ? std::size_t{0} : std::size_t{1};
  const std::array shape{scores[skipped], scores[skipped + 1], scores[skipped + 2]};
  const auto images = fixed ? 1 : scores[0];
  const auto numbers = inputs[0].shape().back();
  const auto anchors = shape[0] * shape[1] * shape[2];
  if (inputs[0].size() != images * numbers || (numbers != 3 && numbers != 4) ||
      inputs[1].size() != anchors * 4 || inputs[2].size() != images * anchors * 4) {
    throw Error(fmt::format("extents {}, anchors {}, deltas {} and scores {} do not fit ({})",
                            inputs[0].shape().to_string(), inputs[1].shape().to_string(),
                            inputs[2].shape().to_string(), scores.to_string(),
                            graph::describe(node)));
  }
  std::vector<Proposal> all;
  Tensor counts{ElementType::i64, Shape{images}};
  for (std::int64_t n = 0; n < images; ++n) {
    const auto found =
        propose(limits, {inputs[0].data<float>() + n * numbers, static_cast<std::size_t>(numbers)},
                inputs[1].data<float>(), inputs[2].data<float>() + n * anchors * 4,
                inputs[3].data<float>() + n * anchors, shape);
    counts.data<std::int64_t>()[n] = static_cast<std::int64_t>(found.size());
    all.insert(all.end(), found.begin(), found.end());
  }
  if (fixed) {
    all.resize(static_cast<std::size_t>(limits.after));
  }
  const auto count = static_cast<std::int64_t>(all.size());
  Tensor regions{ElementType::f32, Shape{count, 4}}, best{ElementType::f32, Shape{count}};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& one = all[static_cast<std::size_t>(i)];
    std::copy(one.box.begin(), one.box.end(), regions.data<float>() + i * 4);
    best.data<float>()[i] = one.score;
  }
  std::vector<Tensor> results{regions, best};
  if (!fixed) {
    results.push_back(counts);
  }
  return results;
}

const Register generate_proposals{{.type = "GenerateProposals",
                                   .infer = infer_generate,
                                   .evaluate = generate,
                                   .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
