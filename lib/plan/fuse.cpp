#include "plan/fuse.hpp"

#include "ops/eltwise.hpp"
#include "ops/op.hpp"

namespace coinfer::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::PostOp;
using graph::ValueId;

constexpr std::size_t max_post_ops = 8;

bool is_binary(const Node& node) {
  return node.inputs.size() == 2 &&
         (node.type == "Add" || node.type == "Sub" || node.type == "Mul" || node.type == "Div" ||
          node.type == "Sum");
}

/// Nodes that become a primitive with post-ops.
bool takes_post_ops(const Graph& graph, const Node& node) {
  const bool quantized =
      node.domain == "coinfer" && (node.type == "QuantizedConv" || node.type == "QuantizedMatMul");
  if ((!node.domain.empty() && !quantized) || node.outputs.empty() ||
      graph[node.outputs[0]].type != ElementType::f32 || node.post_ops.size() >= max_post_ops) {
    return false;
  }
  for (const auto id : node.inputs) {
    if (id && graph[id].shape.to_shape().elements() == 0) {
      return false;
    }
  }
  const auto rank = graph[node.outputs[0]].shape.rank();
  if (graph[node.outputs[0]].shape.to_shape().elements() == 0 || rank > 5 || rank < 1) {
    return false;
  }
  if (node.type == "Gemm") {
    // What Gemm's lowering serves.
    return node.attributes.real("alpha", 1) == 1.0F && node.attributes.real("beta", 1) == 1.0F &&
           (!node.has_input(2) || graph[node.inputs[2]].shape.to_shape().elements() ==
                                      graph[node.outputs[0]].shape.to_shape().back());
  }
  return quantized || node.type == "Conv" || node.type == "ConvTranspose" ||
         node.type == "MatMul" || node.type == "BatchNormalization";
}

class Fusion {
 public:
  explicit Fusion(Graph& graph)
      : graph_{graph},
        maker_(graph.values.size(), -1),
        reads_(graph.values.size(), 0),
        removed_(graph.nodes.size(), false) {
    for (const auto& node : graph.nodes) {
      for (const auto id : node.inputs) {
        if (id) {
          ++reads_[id.index];
        }
      }
    }
    for (const auto id : graph.outputs) {
      reads_[id.index] += 2;  // never fused away
    }
  }

  void run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      try_masked_softmax(i) || try_eltwise(i) || try_binary(i);
      if (!removed_[i]) {
        for (const auto id : graph_.nodes[i].outputs) {
          if (id) {
            maker_[id.index] = static_cast<int>(i);
          }
        }
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!removed_[i]) {
        if (kept != i) {
          graph_.nodes[kept] = std::move(graph_.nodes[i]);
        }
        ++kept;
      }
    }
    graph_.nodes.resize(kept);
  }

 private:
  /// The node that makes `id` for node `i` alone and can take its work; -1 when there is none.
  int producer(ValueId id, std::size_t i) const {
    const auto made_by = maker_[id.index];
    if (made_by < 0 || reads_[id.index] != 1 ||
        graph_.nodes[static_cast<std::size_t>(made_by)].outputs[0] != id ||
        !takes_post_ops(graph_, graph_.nodes[static_cast<std::size_t>(made_by)]) ||
        graph_[id].shape.to_shape() != graph_[graph_.nodes[i].outputs[0]].shape.to_shape()) {
      return -1;
    }
    return made_by;
  }

  void absorb(int into, std::size_t i, PostOp post_op) {
    auto& node = graph_.nodes[i];
    auto& target = graph_.nodes[static_cast<std::size_t>(into)];
    post_op.type = node.type;
    target.post_ops.push_back(std::move(post_op));
    target.outputs[0] = node.outputs[0];
    maker_[node.outputs[0].index] = into;
    removed_[i] = true;
  }

  bool try_eltwise(std::size_t i) {
    const auto& node = graph_.nodes[i];
    const auto eltwise = ops::as_eltwise(graph_, node);
    if (!eltwise) {
      return false;
    }
    const auto into = producer(node.inputs[eltwise->input], i);
    if (into < 0) {
      return false;
    }
    PostOp post_op;
    post_op.kind = PostOp::Kind::eltwise;
    post_op.algorithm = static_cast<int>(eltwise->function.algorithm);
    post_op.alpha = eltwise->function.alpha;
    post_op.beta = eltwise->function.beta;
    absorb(into, i, std::move(post_op));
    return true;
  }

  /// The scale and the mask before attention's softmax cost a pass over the scores as post-ops of
  /// the product; the softmax reads them anyway.
  bool try_masked_softmax(std::size_t i) {
    auto& node = graph_.nodes[i];
    if (node.type != "Softmax" || !node.domain.empty()) {
      return false;
    }
    const auto scores = node.inputs[0];
    const auto dims = graph_[scores].shape.to_shape();
    const auto made_by = maker_[scores.index];
    const auto axis = node.attributes.integer("axis", node.opset < 13 ? 1 : -1);
    if (made_by < 0 || reads_[scores.index] != 1 || dims.size() < 2 || dims.elements() == 0 ||
        (axis != -1 && axis != dims.rank() - 1) || graph_[scores].type != ElementType::f32) {
      return false;
    }
    auto& product = graph_.nodes[static_cast<std::size_t>(made_by)];
    auto& post_ops = product.post_ops;
    if (product.type != "MatMul" || graph_.is_constant(product.inputs[1]) || post_ops.empty() ||
        post_ops.size() > 2) {
      return false;
    }
    const auto is_linear = [](const PostOp& one) {
      return one.kind == PostOp::Kind::eltwise &&
             one.algorithm == static_cast<int>(dnnl::algorithm::eltwise_linear) && one.beta == 0;
    };
    const auto& mask = post_ops.back();
    if (mask.kind != PostOp::Kind::binary ||
        mask.algorithm != static_cast<int>(dnnl::algorithm::binary_add) ||
        (post_ops.size() == 2 && !is_linear(post_ops[0]))) {
      return false;
    }
    const auto mask_dims = graph_[mask.operand].shape.to_shape();
    if (mask_dims.empty() || mask_dims.back() != dims.back()) {
      return false;
    }
    node.type = "MaskedSoftmax";
    node.domain = "coinfer";
    node.op = ops::Registry::instance().find(node.domain, node.type, 1);
    node.attributes = {};
    node.attributes.set("scale", post_ops.size() == 2 ? post_ops[0].alpha : 1.0F);
    node.inputs.push_back(mask.operand);
    post_ops.clear();
    return true;
  }

  bool try_binary(std::size_t i) {
    const auto& node = graph_.nodes[i];
    const auto algorithm = is_binary(node) ? ops::as_binary(node) : std::nullopt;
    if (!algorithm || node.inputs[0] == node.inputs[1]) {
      return false;
    }
    const bool commutes = node.type != "Sub" && node.type != "Div";
    const auto first = producer(node.inputs[0], i);
    const auto second = commutes ? producer(node.inputs[1], i) : -1;
    // The later one: then the other operand is there already.
    const auto into = std::max(first, second);
    if (into < 0) {
      return false;
    }
    const auto operand = node.inputs[into == first ? 1 : 0];
    const auto operand_from = maker_[operand.index];
    if (graph_[operand].type != ElementType::f32 || operand_from >= into ||
        graph_.nodes[static_cast<std::size_t>(into)].type == "BatchNormalization") {
      return false;
    }
    PostOp post_op;
    post_op.kind = PostOp::Kind::binary;
    post_op.algorithm = static_cast<int>(*algorithm);
    post_op.operand = operand;
    absorb(into, i, std::move(post_op));
    return true;
  }

  Graph& graph_;
  std::vector<int> maker_;
  std::vector<int> reads_;
  std::vector<bool> removed_;
};

}  // namespace

void fuse(Graph& graph) { Fusion{graph}.run(); }

}  // namespace coinfer::plan
