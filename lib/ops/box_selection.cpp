#include <cmath>
#include <queue>

#include "ops/op.hpp"
#include "ops/rotated_box.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.NonMaxSuppression, as OpenVINO means it: boxes [N, B, 4], scores [N, C, B] (f32), and
// scalars: the most boxes a class (i64), the overlap from which a box is suppressed, the score
// that a box must exceed, and sigma (f32). With a sigma above 0 boxes that overlap better ones lose
// score instead (Bodla et al., Soft-NMS, ICCV 2017). Results: rows (batch, class, box) (i64), rows
// (batch, class, score) (f32), and how many they are [1] (i64). With rotated = 1 boxes are [N, B,
// 5]: their middle x and y, width, height and an angle (radians), clockwise or not.

void infer_selection(InferContext& ctx) {
  ctx.check_inputs(6, 6);
  for (std::size_t i = 0; i < 2; ++i) {
    ctx.check_type(i, {ElementType::f32});
    ctx.check_rank(i, 3, 3);
  }
  ctx.check_type(2, {ElementType::i64});
  for (std::size_t i = 3; i < 6; ++i) {
    ctx.check_type(i, {ElementType::f32});
  }
  const auto& boxes = ctx.shape(0);
  const auto& scores = ctx.shape(1);
  const std::int64_t numbers = ctx.attributes().integer("rotated", 0) != 0 ? 5 : 4;
  if (boxes.has_rank() && scores.has_rank() &&
      (!boxes[2].contains(numbers) || !Dimension::merge(boxes[0], scores[0]) ||
       !Dimension::merge(boxes[1], scores[2]))) {
    ctx.fail(
        fmt::format("boxes of shape {} and scores of shape {} do not fit: [N,B,{}] and [N,C,B] "
                    "were expected",
                    boxes.to_string(), scores.to_string(), numbers));
  }
  ctx.output(0, ElementType::i64, PartialShape{Dimension{}, 3});
  ctx.output(1, ElementType::f32, PartialShape{Dimension{}, 3});
  ctx.output(2, ElementType::i64, PartialShape{1});
}

struct Box {
  float x0, y0, x1, y1;
  float area() const { return (x1 - x0) * (y1 - y0); }
};

Box box_of(const float* from, bool by_center) {
  if (by_center) {
    return {from[0] - from[2] / 2, from[1] - from[3] / 2, from[0] + from[2] / 2,
            from[1] + from[3] / 2};
  }
  return {std::min(from[1], from[3]), std::min(from[0], from[2]), std::max(from[1], from[3]),
          std::max(from[0], from[2])};
}

float overlap(const Box& a, const Box& b) {
  if (!(a.area() > 0) || !(b.area() > 0)) {
    return 0;
  }
  const auto width = std::max(std::min(a.x1, b.x1) - std::max(a.x0, b.x0), 0.0F);
  const auto height = std::max(std::min(a.y1, b.y1) - std::max(a.y0, b.y0), 0.0F);
  const auto both = width * height;
  return both / (a.area() + b.area() - both);
}

struct Candidate {
  float score;
  std::int64_t batch, group, box;
  std::size_t seen = 0;  ///< so many of the better boxes have lowered its score already
};

struct Limits {
  std::int64_t most;
  float overlap, score, sigma;
};

/// The best boxes of one class. `boxes` are the batch's.
template <class AnyBox>
void select(std::vector<Candidate> candidates, const std::vector<AnyBox>& boxes,
            const Limits& limits, std::vector<Candidate>& selected) {
  const auto worse = [](const Candidate& a, const Candidate& b) {
    return a.score < b.score || (a.score == b.score && a.box > b.box);
  };
  std::priority_queue queue{worse, std::move(candidates)};
  const auto first = selected.size();
  while (!queue.empty() && static_cast<std::int64_t>(selected.size() - first) < limits.most) {
    auto next = queue.top();
    queue.pop();
    const auto score = next.score;
    bool suppressed = false;
    for (auto k = selected.size(); k > first + next.seen && !suppressed; --k) {
      const auto common = overlap(boxes[static_cast<std::size_t>(next.box)],
                                  boxes[static_cast<std::size_t>(selected[k - 1].box)]);
      if (limits.sigma > 0) {
        next.score *= std::exp(-0.5F / limits.sigma * common * common);
        suppressed = !(next.score > limits.score);
      } else {
        suppressed = common >= limits.overlap;
      }
    }
    next.seen = selected.size() - first;
    if (suppressed) {
      continue;
    }
    if (next.score == score) {
      selected.push_back(next);
    } else {
      queue.push(next);
    }
  }
}

std::vector<Tensor> evaluate_selection(const graph::Node& node, std::span<const Tensor> inputs) {
  const auto& boxes = inputs[0];
  const auto& scores = inputs[1];
  for (std::size_t i = 2; i < 6; ++i) {
    if (inputs[i].size() != 1) {
      throw Error(fmt::format("the input {} has the shape {}; one number was expected ({})", i,
                              inputs[i].shape().to_string(), graph::describe(node)));
    }
  }
  const Limits limits{std::max<std::int64_t>(*inputs[2].data<std::int64_t>(), 0),
                      *inputs[3].data<float>(), *inputs[4].data<float>(), *inputs[5].data<float>()};
  const bool by_center = node.attributes.integer("center_point_box", 0) != 0;
  const auto count = boxes.shape()[1];
  const auto groups = scores.shape()[1];
  std::vector<Candidate> selected;
  const bool rotated = node.attributes.integer("rotated", 0) != 0;
  const auto turn = node.attributes.integer("clockwise", 0) != 0 ? 1.0F : -1.0F;
  std::vector<Box> batch(rotated ? 0 : static_cast<std::size_t>(count));
  std::vector<RotatedBox> turned(rotated ? static_cast<std::size_t>(count) : 0);
  for (std::int64_t n = 0; n < scores.shape()[0]; ++n) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto* from = boxes.data<float>() + (n * count + i) * (rotated ? 5 : 4);
      if (rotated) {
        turned[static_cast<std::size_t>(i)] = {from[0], from[1], from[2], from[3], turn * from[4]};
      } else {
        batch[static_cast<std::size_t>(i)] = box_of(from, by_center);
      }
    }
    for (std::int64_t c = 0; c < groups; ++c) {
      const auto* score = scores.data<float>() + (n * groups + c) * count;
      std::vector<Candidate> candidates;
      for (std::int64_t i = 0; i < count; ++i) {
        if (score[i] > limits.score) {
          candidates.push_back({score[i], n, c, i});
        }
      }
      if (rotated) {
        select(std::move(candidates), turned, limits, selected);
      } else {
        select(std::move(candidates), batch, limits, selected);
      }
    }
  }
  if (node.attributes.integer("sort_result_descending", 1) != 0) {
    std::stable_sort(selected.begin(), selected.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  }
  const auto rows = static_cast<std::int64_t>(selected.size());
  Tensor indices{ElementType::i64, Shape{rows, 3}};
  Tensor found{ElementType::f32, Shape{rows, 3}};
  auto* index = indices.data<std::int64_t>();
  auto* score = found.data<float>();
  for (const auto& one : selected) {
    for (const auto number : {one.batch, one.group, one.box}) {
      *index++ = number;
    }
    *score++ = static_cast<float>(one.batch);
    *score++ = static_cast<float>(one.group);
    *score++ = one.score;
  }
  return {indices, found, Tensor::vector<std::int64_t>(std::vector<std::int64_t>{rows})};
}

const Register selection{{.type = "NonMaxSuppression",
                          .infer = infer_selection,
                          .evaluate = evaluate_selection,
                          .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
