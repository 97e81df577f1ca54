// The best boxes of several classes: coinfer.MulticlassNms and coinfer.MatrixNms (Wang et al.,
// SOLOv2, NeurIPS 2020). Inputs, f32: boxes [N, B, 4] (x0, y0, x1, y1) and scores [N, C, B].
// Results: rows (class, score, x0, y0, x1, y1), of which boxes they are [K, 1] (i64, counted
// through all images), and how many each image has [N] (i64).
#include <cmath>

#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

void infer_classes(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  for (std::size_t i = 0; i < 2; ++i) {
    ctx.check_type(i, {ElementType::f32});
    ctx.check_rank(i, 3, 3);
  }
  const auto& boxes = ctx.shape(0);
  const auto& scores = ctx.shape(1);
  if (boxes.has_rank() && scores.has_rank() &&
      (!boxes[2].contains(4) || !Dimension::merge(boxes[0], scores[0]) ||
       !Dimension::merge(boxes[1], scores[2]))) {
    ctx.fail(
        fmt::format("boxes of shape {} and scores of shape {} do not fit: [N,B,4] and [N,C,B] "
                    "were expected",
                    boxes.to_string(), scores.to_string()));
  }
  ctx.output(0, ElementType::f32, PartialShape{Dimension{}, 6});
  ctx.output(1, ElementType::i64, PartialShape{Dimension{}, 1});
  ctx.output(2, ElementType::i64, PartialShape{boxes.has_rank() ? boxes[0] : Dimension{}});
}

struct Limits {
  float score, overlap, eta, after, sigma;
  std::int64_t per_class, per_image, background;
  bool normalized, gaussian;
};

Limits limits_of(const graph::Attributes& a) {
  return {.score = a.real("score_threshold", 0),
          .overlap = a.real("iou_threshold", 0),
          .eta = a.real("nms_eta", 1),
          .after = a.real("post_threshold", 0),
          .sigma = a.real("gaussian_sigma", 2),
          .per_class = a.integer("nms_top_k", -1),
          .per_image = a.integer("keep_top_k", -1),
          .background = a.integer("background_class", -1),
          .normalized = a.integer("normalized", 1) != 0,
          .gaussian = a.integer("gaussian", 0) != 0};
}

struct Found {
  float score;
  std::int64_t image, label, box;
};

bool better(const Found& a, const Found& b) { return a.score > b.score; }

void keep_best(std::vector<Found>& found, std::int64_t most) {
  std::stable_sort(found.begin(), found.end(), better);
  if (most >= 0 && static_cast<std::int64_t>(found.size()) > most) {
    found.resize(static_cast<std::size_t>(most));
  }
}

float overlap(const float* a, const float* b, bool normalized) {
  const auto more = normalized ? 0.0F : 1.0F;
  const auto area = [more](const float* box) {
    return box[2] < box[0] || box[3] < box[1] ? 0
                                              : (box[2] - box[0] + more) * (box[3] - box[1] + more);
  };
  if (b[0] > a[2] || b[2] < a[0] || b[1] > a[3] || b[3] < a[1]) {
    return 0;
  }
  const auto both = (std::min(a[2], b[2]) - std::max(a[0], b[0]) + more) *
                    (std::min(a[3], b[3]) - std::max(a[1], b[1]) + more);
  const auto all = area(a) + area(b) - both;
  return all > 0 ? both / all : 0;
}

/// Those of `candidates`, the best first, that do not overlap a better one.
std::vector<Found> greedy(const std::vector<Found>& candidates, const float* boxes,
                          const Limits& limits) {
  std::vector<Found> kept;
  auto threshold = limits.overlap;
  for (const auto& next : candidates) {
    if (std::none_of(kept.begin(), kept.end(), [&](const Found& other) {
          return overlap(boxes + next.box * 4, boxes + other.box * 4, limits.normalized) >=
                 threshold;
        })) {
      kept.push_back(next);
      if (limits.eta < 1 && threshold > 0.5F) {
        threshold *= limits.eta;
      }
    }
  }
  return kept;
}

/// All of them, their scores lowered by the better ones that they overlap.
std::vector<Found> decayed(const std::vector<Found>& candidates, const float* boxes,
                           const Limits& limits) {
  std::vector<Found> kept;
  std::vector<float> largest(candidates.size(), 0);  // overlap with a better one
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    auto next = candidates[i];
    float decay = 1;
    for (std::size_t k = 0; k < i; ++k) {
      const auto common =
          overlap(boxes + next.box * 4, boxes + candidates[k].box * 4, limits.normalized);
      largest[i] = std::max(largest[i], common);
      decay =
          std::min(decay, limits.gaussian
                              ? std::exp((largest[k] * largest[k] - common * common) * limits.sigma)
                              : (1 - common) / (1 - largest[k]));
    }
    next.score *= decay;
    if (next.score > limits.after) {
      kept.push_back(next);
    }
  }
  return kept;
}

void sort_results(std::vector<Found>& found, const graph::Attributes& attributes, bool matrix) {
  const auto by = attributes.text("sort_result_type", "none");
  const bool across = attributes.integer("sort_result_across_batch", 0) != 0;
  if (by == "score" && across) {
    std::stable_sort(found.begin(), found.end(), better);
  } else if (by == "classid" && across) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.label < b.label; });
  } else if (by == "classid" && !matrix) {
    std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
      return std::pair{a.image, a.label} < std::pair{b.image, b.label};
    });
  }
}

std::vector<Tensor> select(const graph::Node& node, std::span<const Tensor> inputs) {
  const bool matrix = node.type == "MatrixNms";
  const auto& boxes = inputs[0];
  const auto& scores = inputs[1];
  const auto limits = limits_of(node.attributes);
  const auto images = scores.shape()[0], classes = scores.shape()[1], count = scores.shape()[2];
  std::vector<Found> found;
  Tensor numbers{ElementType::i64, Shape{images}};
  for (std::int64_t n = 0; n < images; ++n) {
    const auto* image = boxes.data<float>() + n * count * 4;
    std::vector<Found> of_image;
    for (std::int64_t label = 0; label < classes; ++label) {
      if (label == limits.background) {
        continue;
      }
      const auto* score = scores.data<float>() + (n * classes + label) * count;
      std::vector<Found> candidates;
      for (std::int64_t i = 0; i < count; ++i) {
        if (matrix ? score[i] > limits.score : score[i] >= limits.score) {
          candidates.push_back({score[i], n, label, i});
        }
      }
      keep_best(candidates, limits.per_class);
      const auto kept =
          matrix ? decayed(candidates, image, limits) : greedy(candidates, image, limits);
      of_image.insert(of_image.end(), kept.begin(), kept.end());
    }
    keep_best(of_image, limits.per_image);
    numbers.data<std::int64_t>()[n] = static_cast<std::int64_t>(of_image.size());
    found.insert(found.end(), of_image.begin(), of_image.end());
  }
  sort_results(found, node.attributes, matrix);
  const auto rows = static_cast<std::int64_t>(found.size());
  Tensor selected{ElementType::f32, Shape{rows, 6}};
  Tensor indices{ElementType::i64, Shape{rows, 1}};
  auto* row = selected.data<float>();
  auto* index = indices.data<std::int64_t>();
  for (const auto& one : found) {
    *row++ = static_cast<float>(one.label);
    *row++ = one.score;
    const auto place = one.image * count + one.box;
    row = std::copy_n(boxes.data<float>() + place * 4, 4, row);
    *index++ = place;
  }
  return {selected, indices, numbers};
}

const Register multiclass{
    {.type = "MulticlassNms", .infer = infer_classes, .evaluate = select, .domain = "coinfer"}};
const Register matrix{
    {.type = "MatrixNms", .infer = infer_classes, .evaluate = select, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
