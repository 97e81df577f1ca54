#include <cmath>

#include "ops/op.hpp"
#include "ops/proposals.hpp"

namespace coinfer::ops {
namespace {

// coinfer.ClassBoxes: the objects of an image. Inputs, f32: regions [R, 4], their deltas
// [R, classes * 4] and scores [R, classes], the image's extents [1, 3]. Results: boxes [M, 4],
// classes (i64 [M]), scores [M], M = max_detections_per_image, filled up with zeros. Class 0 is
// the background.

void infer_boxes(InferContext& ctx) {
  ctx.check_inputs(4, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    ctx.check_type(i, {ElementType::f32});
    ctx.check_rank(i, 2, 2);
  }
  const auto count = ctx.attributes().integer("max_detections_per_image", 0);
  const auto classes = ctx.attributes().integer("num_classes", 0);
  const auto weights = ctx.attributes().reals("deltas_weights");
  if (count < 1 || count > std::int64_t{1} << 24 || classes < 1 || classes > 1 << 20 || !weights ||
      weights->size() != 4) {
    ctx.fail(fmt::format("{} objects of {} classes with {} weights of deltas cannot be found",
                         count, classes, weights ? weights->size() : 0));
  }
  ctx.output(0, ElementType::f32, PartialShape{count, 4});
  ctx.output(1, ElementType::i64, PartialShape{count});
  ctx.output(2, ElementType::f32, PartialShape{count});
}

struct Found {
  Proposal proposal;
  std::int64_t label;
};

std::vector<Tensor> boxes(const graph::Node& node, std::span<const Tensor> inputs) {
  const auto& a = node.attributes;
  const auto classes = a.integer("num_classes", 0), most = a.integer("max_detections_per_image", 0);
  const auto weights = *a.reals("deltas_weights");
  const auto rows = inputs[0].shape()[0];
  if (inputs[0].shape() != Shape{rows, 4} || inputs[1].shape() != Shape{rows, classes * 4} ||
      inputs[2].shape() != Shape{rows, classes} || inputs[3].size() < 2) {
    throw Error(fmt::format("regions {}, deltas {}, scores {} and extents {} do not fit ({})",
                            inputs[0].shape().to_string(), inputs[1].shape().to_string(),
                            inputs[2].shape().to_string(), inputs[3].shape().to_string(),
                            graph::describe(node)));
  }
  std::vector<Found> all;
  for (std::int64_t label = 1; label < classes; ++label) {
    std::vector<Proposal> found;
    for (std::int64_t r = 0; r < rows; ++r) {
      Box box{}, delta{};
      for (std::size_t i = 0; i < 4; ++i) {
        box[i] = inputs[0].data<float>()[r * 4 + static_cast<std::int64_t>(i)];
        delta[i] =
            inputs[1].data<float>()[(r * classes + label) * 4 + static_cast<std::int64_t>(i)] /
            weights[i];
      }
      const auto score = inputs[2].data<float>()[r * classes + label];
      if (box[2] - box[0] <= 0 || box[3] - box[1] <= 0 || !(score > a.real("score_threshold", 0))) {
        continue;
      }
      box = moved(box, delta, 1, a.real("max_delta_log_wh", 0));
      for (auto& corner : box) {
        corner = std::max(corner, 0.0F);
      }
      found.push_back({box, score, r});
    }
    keep_best(found, -1);
    suppress(found, a.real("nms_threshold", 0),
             a.integer("post_nms_count", -1) < 0 ? rows : a.integer("post_nms_count", -1), 1);
    for (const auto& one : found) {
      all.push_back({one, label});
    }
  }
  if (static_cast<std::int64_t>(all.size()) > most) {
    std::stable_sort(all.begin(), all.end(), [](const Found& x, const Found& y) {
      return x.proposal.score > y.proposal.score ||
             (x.proposal.score == y.proposal.score && x.proposal.index < y.proposal.index);
    });
  }
  all.resize(static_cast<std::size_t>(most));
  Tensor places{ElementType::f32, Shape{most, 4}}, scores{ElementType::f32, Shape{most}};
  Tensor labels{ElementType::i64, Shape{most}};
  for (std::int64_t i = 0; i < most; ++i) {
    const auto& one = all[static_cast<std::size_t>(i)];
    std::copy(one.proposal.box.begin(), one.proposal.box.end(), places.data<float>() + i * 4);
    scores.data<float>()[i] = one.proposal.score;
    labels.data<std::int64_t>()[i] = one.label;
  }
  return {places, labels, scores};
}

const Register class_boxes{
    {.type = "ClassBoxes", .infer = infer_boxes, .evaluate = boxes, .domain = "coinfer"}};

// coinfer.PriorGrid: boxes [A, 4] moved to the middle of each place of a grid, [h * w * A, 4].
// Inputs: the boxes (f32), the grid's extents [2] (i64), its steps [2] (f32, y and x).

void infer_grid(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_type(0, {ElementType::f32});
  ctx.check_type(1, {ElementType::i64});
  ctx.check_type(2, {ElementType::f32});
  ctx.check_rank(0, 2, 2);
  const auto extents = ctx.integers(1);
  Dimension count;
  if (extents && ctx.shape(0).has_rank() && ctx.shape(0)[0].is_static()) {
    std::int64_t product = ctx.shape(0)[0].length();
    for (const auto extent : *extents) {
      if (extents->size() != 2 || extent < 0 || __builtin_mul_overflow(product, extent, &product)) {
        ctx.fail(fmt::format("a grid of [{}] cannot be made", fmt::join(*extents, ",")));
      }
    }
    count = product;
  }
  ctx.output(0, ElementType::f32, PartialShape{count, 4});
}

Kernel grid_kernel(const KernelContext& ctx) {
  const auto extents = ctx.integers("", 1);
  if (!extents || ctx.shape(0)[1] != 4 || ctx.shape(2).elements() != 2) {
    ctx.fail(fmt::format("boxes of shape {} with steps of shape {} make no grid",
                         ctx.shape(0).to_string(), ctx.shape(2).to_string()));
  }
  return [boxes = ctx.shape(0)[0], height = (*extents)[0], width = (*extents)[1]](
             const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    const auto* steps = static_cast<const float*>(src[2]);
    auto* d = static_cast<float*>(dst[0]);
    for (std::int64_t h = 0; h < height; ++h) {
      for (std::int64_t w = 0; w < width; ++w) {
        const std::array middle{(static_cast<float>(w) + 0.5F) * steps[1],
                                (static_cast<float>(h) + 0.5F) * steps[0]};
        for (std::int64_t i = 0; i < boxes * 4; ++i) {
          *d++ = x[i] + middle[static_cast<std::size_t>(i % 2)];
        }
      }
    }
  };
}

const Register prior_grid{
    {.type = "PriorGrid", .infer = infer_grid, .kernel = grid_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
