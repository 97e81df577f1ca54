// Concatenations of channels that need not be written.
#include "ops/op.hpp"
#include "passes/patterns.hpp"

namespace coinfer::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// Below this many elements a step costs more than a copy.
constexpr std::int64_t small = std::int64_t{1} << 14;

class Splitter {
 public:
  explicit Splitter(Graph& graph) : graph_{graph} {}

  /// maxpool(concat(a, b)) -> concat(maxpool(a), maxpool(b)): less is copied.
  void pool_before_concat() {
    rewrite([&](const Node& node, std::vector<Node>& to) {
      const auto* concat = concat_of(node);
      const auto window = node.attributes.integers("strides");
      if (concat == nullptr || node.outputs.size() != 1 ||
          (node.type != "MaxPool" && node.type != "AveragePool") || !window ||
          std::all_of(window->begin(), window->end(), [](auto step) { return step < 2; })) {
        return false;
      }
      auto joined = *concat;
      joined.name = node.name;
      joined.outputs = node.outputs;
      for (auto& id : joined.inputs) {
        auto dims = graph_[node.outputs[0]].shape.dimensions();
        dims[1] = graph_[id].shape[1];
        id = add_step(node, id, PartialShape{PartialShape::Dimensions(dims.begin(), dims.end())},
                      to);
      }
      to.push_back(std::move(joined));
      return true;
    });
  }

  /// conv(concat(a, b)) -> conv(a) + conv(b), with the weights of each one's channels.
  void convolve_parts() {
    rewrite([&](const Node& node, std::vector<Node>& to) {
      const auto* concat = concat_of(node);
      if (concat == nullptr || concat->inputs.size() != 2 || !sums_channels(node)) {
        return false;
      }
      const auto weights = graph_[node.inputs[1]].constant;
      std::int64_t first = 0;
      std::vector<ValueId> sums;
      for (const auto id : concat->inputs) {
        const auto channels = graph_[id].shape[1].length();
        auto part = node;
        part.inputs[1] =
            graph_.add_constant(columns(weights, first, channels), graph_[node.inputs[1]].name);
        first += channels;
        if (sums.empty()) {  // the bias is added once
          part.inputs.resize(2);
        }
        sums.push_back(add_step(part, id, graph_[node.outputs[0]].shape, to));
      }
      Node add;
      add.name = node.name;
      add.type = "Add";
      add.opset = 14;
      add.op = ops::Registry::instance().find("", add.type, add.opset);
      add.inputs = {sums[0], sums[1]};
      add.outputs = node.outputs;
      to.push_back(std::move(add));
      return true;
    });
  }

 private:
  template <class Rewrite>
  void rewrite(const Rewrite& replaced) {
    const graph::Uses uses{graph_};
    uses_ = &uses;
    const auto nodes = graph_.nodes;
    nodes_ = &nodes;
    std::vector<Node> result;
    for (const auto& node : nodes) {
      if (!replaced(node, result)) {
        result.push_back(node);
      }
    }
    graph_.nodes = std::move(result);
  }

  /// The node that joins the channels that this one alone reads.
  const Node* concat_of(const Node& node) const {
    if (!node.domain.empty() || node.inputs.empty() || !node.inputs[0] ||
        !uses_->single_use(node.inputs[0])) {
      return nullptr;
    }
    const auto made_by = uses_->producer(node.inputs[0]);
    if (made_by < 0) {
      return nullptr;
    }
    const auto& concat = (*nodes_)[static_cast<std::size_t>(made_by)];
    const auto& joined = graph_[node.inputs[0]];
    if (concat.type != "Concat" || !concat.domain.empty() || !joined.shape.has_rank() ||
        joined.shape.rank() < 3 || joined.type != ElementType::f32 ||
        concat.attributes.integer("axis", 1) != 1 || !graph_[node.outputs[0]].shape.has_rank() ||
        (joined.shape.is_static() && joined.shape.to_shape().elements() < small)) {
      return nullptr;
    }
    const bool known = std::all_of(concat.inputs.begin(), concat.inputs.end(), [&](ValueId id) {
      return graph_[id].shape.has_rank() && graph_[id].shape[1].is_static() &&
             graph_[id].shape[1].length() > 0;
    });
    return known ? &concat : nullptr;
  }

  /// A convolution of all channels whose result is smaller than what was joined.
  bool sums_channels(const Node& node) const {
    if (node.type != "Conv" || node.attributes.integer("group", 1) != 1 ||
        !graph_.is_constant(node.inputs[1])) {
      return false;
    }
    const auto& weights = graph_[node.inputs[1]].constant;
    return weights.type() == ElementType::f32 && weights.is_continuous() &&
           weights.shape()[0] * 2 <= weights.shape()[1] &&
           graph_[node.inputs[0]].shape[1] == Dimension{weights.shape()[1]};
  }

  static Tensor columns(const Tensor& weights, std::int64_t first, std::int64_t count) {
    auto shape = weights.shape();
    const auto all = shape[1];
    shape[1] = count;
    Tensor part{weights.type(), shape};
    const auto taps = weights.size() / (all * shape[0]);
    for (std::int64_t row = 0; row < shape[0]; ++row) {
      std::copy_n(weights.data<float>() + (row * all + first) * taps, count * taps,
                  part.data<float>() + row * count * taps);
    }
    return part;
  }

  /// The node over another input, with a result of its own.
  ValueId add_step(const Node& like, ValueId input, PartialShape shape, std::vector<Node>& to) {
    auto step = like;
    step.inputs[0] = input;
    const auto result = graph_.add({.name = like.name,
                                    .type = graph_[like.outputs[0]].type,
                                    .shape = std::move(shape),
                                    .own_name = true});
    step.outputs = {result};
    to.push_back(std::move(step));
    return result;
  }

  Graph& graph_;
  const graph::Uses* uses_ = nullptr;
  const std::vector<Node>* nodes_ = nullptr;
};

}  // namespace

void split_concats(Graph& graph) {
  Splitter splitter{graph};
  splitter.pool_before_concat();
  splitter.convolve_parts();
}

}  // namespace coinfer::passes
