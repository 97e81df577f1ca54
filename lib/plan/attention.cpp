#include "plan/attention.hpp"

#include <dnnl.hpp>

#include "kernels/isa.hpp"
#include "kernels/panel_product.hpp"
#include "ops/op.hpp"
#include "plan/precision.hpp"

namespace coinfer::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// Fewer rows of queries fill no tile: the products of single tokens are better off apart. In f32
/// they do not pay for rearranging keys and values.
constexpr std::int64_t least_rows = 16;
constexpr std::int64_t least_f32_rows = 6;
/// Of scores and of sums in a thread's scratch memory.
constexpr std::int64_t most_keys = 4096;
constexpr std::int64_t most_columns = 256;
/// Numbers of keys and values, of f32 and packed, that the second cache holds.
constexpr std::int64_t most_f32_packed = 128 * 1024;

class Join {
 public:
  Join(Graph& graph, ElementType type)
      : graph_{graph},
        type_{type},
        maker_(graph.values.size(), -1),
        reads_(graph.values.size(), 0) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const auto id : graph.nodes[i].inputs) {
        count(id);
      }
      for (const auto& post_op : graph.nodes[i].post_ops) {
        count(post_op.operand);
      }
      for (const auto id : graph.nodes[i].outputs) {
        if (id) {
          maker_[id.index] = static_cast<int>(i);
        }
      }
    }
    for (const auto id : graph.outputs) {
      reads_[id.index] += 2;
    }
  }

  void run() {
    std::vector<bool> removed(graph_.nodes.size(), false);
    for (auto& node : graph_.nodes) {
      const auto softmax = is_product(node) && node.post_ops.empty() ? alone(node.inputs[0]) : -1;
      const auto scores = softmax < 0 ? -1 : scores_of(at(softmax));
      if (scores < 0 || !fits(at(scores), at(softmax), node)) {
        continue;
      }
      join(at(scores), at(softmax), node);
      removed[static_cast<std::size_t>(scores)] = true;
      removed[static_cast<std::size_t>(softmax)] = true;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (removed[i]) {
        continue;
      }
      if (kept != i) {
        graph_.nodes[kept] = std::move(graph_.nodes[i]);
      }
      ++kept;
    }
    graph_.nodes.resize(kept);
  }

 private:
  const Node& at(int i) const { return graph_.nodes[static_cast<std::size_t>(i)]; }
  Shape dims(ValueId id) const { return graph_[id].shape.to_shape(); }
  bool is_typed(ValueId id) const { return graph_[id].type == type_; }

  void count(ValueId id) {
    if (id) {
      ++reads_[id.index];
    }
  }

  /// The node that makes `id`, which nothing else reads; else -1.
  int alone(ValueId id) const { return id && reads_[id.index] == 1 ? maker_[id.index] : -1; }

  /// Of two computed operands of the type.
  bool is_product(const Node& node) const {
    return node.type == "MatMul" && node.domain.empty() && is_typed(node.inputs[0]) &&
           is_typed(node.inputs[1]) && !graph_.is_constant(node.inputs[0]) &&
           !graph_.is_constant(node.inputs[1]) && dims(node.inputs[0]).size() >= 2 &&
           dims(node.inputs[1]).size() >= 2;
  }

  /// The product whose result the node, a softmax, reads alone.
  int scores_of(const Node& node) const {
    const bool masked = node.type == "MaskedSoftmax" && node.domain == "coinfer";
    if (!masked && !(node.type == "Softmax" && node.domain.empty())) {
      return -1;
    }
    const auto rank = dims(node.inputs[0]).rank();
    const auto axis = node.attributes.integer("axis", node.opset < 13 ? 1 : -1);
    const auto made_by = alone(node.inputs[0]);
    if (made_by < 0 || !is_typed(node.outputs[0]) || (!masked && axis != -1 && axis != rank - 1)) {
      return -1;
    }
    const auto& product = at(made_by);
    return is_product(product) && factor_of(product) ? made_by : -1;
  }

  /// What the product's post-ops multiply it by.
  static std::optional<float> factor_of(const Node& product) {
    if (product.post_ops.empty()) {
      return 1.0F;
    }
    const auto& post_op = product.post_ops[0];
    if (product.post_ops.size() > 1 || post_op.kind != graph::PostOp::Kind::eltwise ||
        post_op.algorithm != static_cast<int>(dnnl::algorithm::eltwise_linear) ||
        post_op.beta != 0) {
      return std::nullopt;
    }
    return post_op.alpha;
  }

  /// Columns with those that fill up their last panel.
  static std::int64_t up(std::int64_t columns) {
    return (columns + kernels::panel - 1) / kernels::panel * kernels::panel;
  }

  bool fits(const Node& scores, const Node& softmax, const Node& product) const {
    const auto result = dims(product.outputs[0]);
    const auto q = dims(scores.inputs[0]);
    const auto rank = result.size();
    const auto keys = dims(scores.outputs[0]).back();
    // Extents before the matrices: those of the scores are those of the result.
    const auto between = dims(scores.outputs[0]);
    const bool f32 = type_ == ElementType::f32;
    const auto least = f32 ? least_f32_rows : least_rows;
    return rank == between.size() &&
           std::equal(result.begin(), result.end() - 1, between.begin()) &&
           result[rank - 2] >= least && q[q.size() - 2] == result[rank - 2] && keys >= least &&
           keys <= most_keys && q.back() <= most_columns &&
           (!f32 || up(keys) * q.back() + keys * up(result.back()) <= most_f32_packed) &&
           result.back() <= most_columns && result.elements() > 0 &&
           (softmax.inputs.size() == 1 || dims(softmax.inputs[1]).back() == keys);
  }

  void join(const Node& scores, const Node& softmax, Node& product) {
    Node node;
    node.type = "Attention";
    node.domain = "coinfer";
    node.name = scores.name;
    node.op = ops::Registry::instance().find(node.domain, node.type, 1);
    node.inputs = {scores.inputs[0], scores.inputs[1], product.inputs[1]};
    if (softmax.inputs.size() > 1) {
      node.inputs.push_back(softmax.inputs[1]);
    }
    node.outputs = product.outputs;
    node.attributes.set("scale", *factor_of(scores) * softmax.attributes.real("scale", 1));
    product = std::move(node);
  }

  Graph& graph_;
  const ElementType type_;
  std::vector<int> maker_;
  std::vector<int> reads_;
};

}  // namespace

void join_attention(Graph& graph, ElementType type) {
  const bool has_kernel = type == ElementType::bf16
                              ? has_amx()
                              : type == ElementType::f32 && kernels::isa() == kernels::Isa::avx512;
  if (has_kernel) {
    Join{graph, type}.run();
  }
}

}  // namespace coinfer::plan
