#include "plan/grouped.hpp"

#include <algorithm>
#include <cstring>

#include "ops/op.hpp"
#include "passes/passes.hpp"

namespace coinfer::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// More groups would multiply too many zeros.
constexpr std::int64_t most_groups = 4;
/// Groups of more inputs fill tiles themselves.
constexpr std::int64_t widest_group = 128;
/// And cost less than a shuffle saves up to these.
constexpr std::int64_t widest_shuffled_group = 256;

class Join {
 public:
  explicit Join(Graph& graph) : graph_{graph}, uses_{graph} {}

  void run() {
    for (auto& node : graph_.nodes) {
      if (!is_narrow(node)) {
        continue;
      }
      const auto shuffled = shuffled_of(node);
      if (!shuffled && dims(node.inputs[1])[1] >= widest_group) {
        continue;
      }
      const auto groups = node.attributes.integer("group", 1);
      const auto channels = dims(node.outputs[0])[1];
      // Output channel i of the product is the node's channel order[i].
      std::vector<std::int64_t> order(static_cast<std::size_t>(channels));
      for (std::int64_t i = 0; i < channels; ++i) {
        order[static_cast<std::size_t>(i)] =
            shuffled ? i % groups * (channels / groups) + i / groups : i;
      }
      node.inputs[1] = graph_.add_constant(joined(graph_[node.inputs[1]].constant, groups, order));
      if (node.has_input(2)) {
        node.inputs[2] = graph_.add_constant(ordered(graph_[node.inputs[2]].constant, order));
      }
      node.attributes.set("group", std::int64_t{1});
      if (shuffled) {
        node.outputs[0] = shuffled;
      }
    }
    // What made a shuffle makes a value that another node makes now.
    std::vector<bool> made(graph_.values.size(), false);
    std::erase_if(graph_.nodes, [&](const Node& node) {
      const auto id = node.outputs[0];
      if (id && made[id.index]) {
        return true;
      }
      if (id) {
        made[id.index] = true;
      }
      return false;
    });
    passes::remove_dead(graph_);
  }

 private:
  Shape dims(ValueId id) const { return graph_[id].shape.to_shape(); }

  bool is_narrow(const Node& node) const {
    if (node.type != "Conv" || !node.domain.empty() ||
        graph_[node.outputs[0]].type != ElementType::f32 || !graph_.is_constant(node.inputs[1]) ||
        (node.has_input(2) && !graph_.is_constant(node.inputs[2]))) {
      return false;
    }
    const auto groups = node.attributes.integer("group", 1);
    const auto& weights = graph_[node.inputs[1]].constant;
    return groups > 1 && groups <= most_groups && weights.shape().size() == 4 &&
           weights.shape()[1] > 1 && weights.shape()[1] < widest_shuffled_group &&
           weights.shape()[0] / groups > 1 && weights.is_continuous();
  }

  const Node* only_reader(ValueId id, std::string_view type) const {
    if (!uses_.single_use(id)) {
      return nullptr;
    }
    const auto& node = graph_.nodes[uses_.readers(id)[0]];
    return node.type == type && node.domain.empty() ? &node : nullptr;
  }

  /// What Reshape to [N, groups, C / groups, H, W], Transpose of the two extents of channels and
  /// Reshape make of the node's result; none when something else follows.
  ValueId shuffled_of(const Node& node) const {
    const auto all = dims(node.outputs[0]);
    const auto groups = node.attributes.integer("group", 1);
    for (const auto& post_op : node.post_ops) {
      if (post_op.operand) {
        return {};
      }
    }
    const auto* split = only_reader(node.outputs[0], "Reshape");
    if (split == nullptr ||
        dims(split->outputs[0]) != Shape{all[0], groups, all[1] / groups, all[2], all[3]}) {
      return {};
    }
    const auto* turned = only_reader(split->outputs[0], "Transpose");
    const auto order = turned == nullptr ? std::nullopt : turned->attributes.integers("perm");
    if (!order || *order != std::vector<std::int64_t>{0, 2, 1, 3, 4}) {
      return {};
    }
    const auto* joined = only_reader(turned->outputs[0], "Reshape");
    return joined != nullptr && dims(joined->outputs[0]) == all ? joined->outputs[0] : ValueId{};
  }

  static Tensor joined(const Tensor& weights, std::int64_t groups,
                       const std::vector<std::int64_t>& order) {
    auto shape = weights.shape();
    const auto in = shape[1];
    const auto taps = shape[2] * shape[3];
    const auto out = shape[0] / groups;
    shape[1] = in * groups;
    Tensor result{ElementType::f32, shape};
    const auto bytes = static_cast<std::size_t>(in * taps) * sizeof(float);
    std::memset(result.data(), 0, result.byte_size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto from = order[i];
      std::memcpy(
          result.data<float>() + (static_cast<std::int64_t>(i) * groups + from / out) * in * taps,
          weights.data<float>() + from * in * taps, bytes);
    }
    return result;
  }

  static Tensor ordered(const Tensor& values, const std::vector<std::int64_t>& order) {
    Tensor result{ElementType::f32, values.shape()};
    Tensor dense = values;
    if (!dense.is_continuous()) {
      dense = Tensor{values.type(), values.shape()};
      values.copy_to(dense);
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      result.data<float>()[i] = dense.data<float>()[order[i]];
    }
    return result;
  }

  Graph& graph_;
  graph::Uses uses_;
};

}  // namespace

void join_groups(Graph& graph) { Join{graph}.run(); }

}  // namespace coinfer::plan
