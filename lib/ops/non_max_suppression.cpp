#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

void infer_nms(InferContext& ctx) {
  ctx.check_inputs(2, 5);
  for (std::size_t i = 0; i < 2; ++i) {
    ctx.check_type(i, {ElementType::f32});
    ctx.check_rank(i, 3, 3);
  }
  if (ctx.has(2)) {
    ctx.check_type(2, {ElementType::i64});
  }
  for (std::size_t i = 3; i < 5; ++i) {
    if (ctx.has(i)) {
      ctx.check_type(i, {ElementType::f32});
    }
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
  ctx.output(0, ElementType::i64, PartialShape{Dimension{}, 3});
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

bool overlap(const Box& a, const Box& b, float threshold) {
  const auto width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  const auto height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0);
  if (!(width > 0) || !(height > 0) || !(a.area() > 0) || !(b.area() > 0)) {
    return false;
  }
  const auto both = width * height;
  return both / (a.area() + b.area() - both) > threshold;
}

template <class T>
T scalar_of(const graph::Node& node, std::span<const Tensor> inputs, std::size_t i, T otherwise) {
  if (i >= inputs.size() || !inputs[i] || inputs[i].size() == 0) {
    return otherwise;
  }
  if (inputs[i].type() != element_type_of<T>::value) {
    throw Error(fmt::format("the input {} is of type {} ({})", i, name_of(inputs[i].type()),
                            graph::describe(node)));
  }
  return *inputs[i].data<T>();
}

/// Rows (batch, class, box), of each batch and class those with the highest scores that do not
/// overlap a better one.
std::vector<Tensor> suppress(const graph::Node& node, std::span<const Tensor> inputs) {
  const auto& boxes = inputs[0];
  const auto& scores = inputs[1];
  const auto most = std::max<std::int64_t>(scalar_of<std::int64_t>(node, inputs, 2, 0), 0);
  const auto threshold = scalar_of<float>(node, inputs, 3, 0);
  const bool filtered = inputs.size() > 4 && inputs[4] && inputs[4].size() != 0;
  const auto least = scalar_of<float>(node, inputs, 4, 0);
  const bool by_center = node.attributes.integer("center_point_box", 0) != 0;
  const auto count = boxes.shape()[1];
  std::vector<std::int64_t> selected;
  std::vector<std::int64_t> order;
  std::vector<Box> kept;
  for (std::int64_t n = 0; n < scores.shape()[0]; ++n) {
    for (std::int64_t c = 0; c < scores.shape()[1]; ++c) {
      const auto* score = scores.data<float>() + (n * scores.shape()[1] + c) * count;
      order.clear();
      for (std::int64_t i = 0; i < count; ++i) {
        // A NaN is no score.
        if (filtered ? score[i] > least : score[i] == score[i]) {
          order.push_back(i);
        }
      }
      std::sort(order.begin(), order.end(), [score](std::int64_t a, std::int64_t b) {
        return score[a] > score[b] || (score[a] == score[b] && a < b);
      });
      kept.clear();
      for (const auto i : order) {
        if (static_cast<std::int64_t>(kept.size()) >= most) {
          break;
        }
        const auto box = box_of(boxes.data<float>() + (n * count + i) * 4, by_center);
        if (std::none_of(kept.begin(), kept.end(),
                         [&](const Box& better) { return overlap(box, better, threshold); })) {
          kept.push_back(box);
          selected.insert(selected.end(), {n, c, i});
        }
      }
    }
  }
  Tensor result{ElementType::i64, Shape{static_cast<std::int64_t>(selected.size()) / 3, 3}};
  std::copy(selected.begin(), selected.end(), result.data<std::int64_t>());
  return {result};
}

const Register nms{
    {.type = "NonMaxSuppression", .since = 10, .infer = infer_nms, .evaluate = suppress}};

}  // namespace
}  // namespace coinfer::ops
