#include <dnnl.hpp>

#include "ops/quantized.hpp"
#include "passes/passes.hpp"
#include "passes/patterns.hpp"

namespace coinfer::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// Without instructions for 8-bit products oneDNN adds pairs in 16 bits, which overflow.
bool has_int8_products() {
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto has = [&](dnnl::cpu_isa wanted) {
    return (isa & static_cast<unsigned>(wanted)) == static_cast<unsigned>(wanted);
  };
  return has(dnnl::cpu_isa::avx512_core_vnni) || has(dnnl::cpu_isa::avx2_vnni);
}

bool is_8_bit(ElementType type) { return type == ElementType::u8 || type == ElementType::i8; }

class Quantized {
 public:
  explicit Quantized(Graph& graph) : graph_{graph}, maker_(graph.values.size(), -1) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const auto id : graph.nodes[i].outputs) {
        if (id) {
          maker_[id.index] = static_cast<int>(i);
        }
      }
    }
  }

  void run() {
    for (auto& node : graph_.nodes) {
      if (!node.domain.empty() || !node.post_ops.empty()) {
        continue;
      }
      if (node.type == "Conv") {
        try_product(node, 0);
      } else if (node.type == "MatMul") {
        try_product(node, 1);
      } else if (node.type == "Gemm" && is_plain(node)) {
        try_product(node, node.attributes.integer("transB", 0) != 0 ? 0 : 1);
      }
    }
  }

 private:
  /// y = a * b + c, with one number of c a column.
  bool is_plain(const Node& node) const {
    if (node.attributes.real("alpha", 1) != 1.0F || node.attributes.real("beta", 1) != 1.0F ||
        node.attributes.integer("transA", 0) != 0 || node.inputs.size() < 2) {
      return false;
    }
    if (!node.has_input(2)) {
      return true;
    }
    const auto& c = graph_[node.inputs[2]].shape;
    const auto& y = graph_[node.outputs[0]].shape;
    if (!c.is_static() || !y.has_rank() || y.rank() != 2 || y[1].is_dynamic()) {
      return false;
    }
    const auto columns = y[1].length();
    return c.to_shape() == Shape{columns} || c.to_shape() == Shape{1, columns};
  }

  /// The DequantizeLinear that makes `id` of 8-bit data by constants, in f32; else nullptr.
  const Node* dequantized(ValueId id) const {
    if (!id || maker_[id.index] < 0) {
      return nullptr;
    }
    const auto& node = graph_.nodes[static_cast<std::size_t>(maker_[id.index])];
    if (node.type != "DequantizeLinear" || !node.domain.empty() || node.inputs.size() < 2 ||
        !is_8_bit(graph_[node.inputs[0]].type) || !graph_.is_constant(node.inputs[1]) ||
        graph_[node.inputs[1]].constant.type() != ElementType::f32 ||
        graph_[id].type != ElementType::f32 || node.attributes.integer("block_size", 0) != 0 ||
        (node.has_input(2) && !graph_.is_constant(node.inputs[2]))) {
      return nullptr;
    }
    return &node;
  }

  bool has_zero_point(const Node& node) const {
    if (!node.has_input(2)) {
      return false;
    }
    const auto zeros = ops::numbers_of(graph_[node.inputs[2]].constant);
    return std::any_of(zeros.begin(), zeros.end(), [](double zero) { return zero != 0; });
  }

  /// `axis`: of the weights, their output channels.
  void try_product(Node& node, std::int64_t axis) {
    const auto* x = node.inputs.size() >= 2 ? dequantized(node.inputs[0]) : nullptr;
    const auto* w = x != nullptr ? dequantized(node.inputs[1]) : nullptr;
    if (w == nullptr || graph_.is_constant(x->inputs[0]) || !graph_.is_constant(w->inputs[0]) ||
        graph_[w->inputs[0]].type != ElementType::i8 || has_zero_point(*w) ||
        graph_[x->inputs[1]].constant.size() != 1 ||
        (node.has_input(2) && graph_[node.inputs[2]].type != ElementType::f32)) {
      return;
    }
    const auto& weights = graph_[w->inputs[0]].constant;
    const auto& scale = graph_[w->inputs[1]].constant;
    const auto rank = weights.shape().rank();
    const auto given = w->attributes.integer("axis", 1);
    if (rank < 2 || (node.type != "Conv" && rank != 2) || !weights.is_continuous() ||
        (scale.size() != 1 && ((given < 0 ? given + rank : given) != axis ||
                               scale.size() != weights.shape()[static_cast<std::size_t>(axis)]))) {
      return;
    }
    const auto optional = [](const Node& of, std::size_t i) {
      return of.has_input(i) ? of.inputs[i] : graph::no_value;
    };
    const auto bias = optional(node, 2);
    const ValueId inputs[] = {x->inputs[0], x->inputs[1], optional(*x, 2),
                              w->inputs[0], w->inputs[1], bias};
    node.attributes.set("product", node.type);
    node.inputs.assign(std::begin(inputs), std::end(inputs));
    node.type = node.type == "Conv" ? "QuantizedConv" : "QuantizedMatMul";
    node.domain = "coinfer";
    node.opset = 1;
    node.op = nullptr;
  }

  Graph& graph_;
  std::vector<int> maker_;
};

}  // namespace

void recognise_quantization(Graph& graph) {
  const auto found = std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.type == "DequantizeLinear" && node.domain.empty();
  });
  if (!found || !has_int8_products()) {
    return;
  }
  infer(graph, false);
  Quantized{graph}.run();
  remove_dead(graph);
}

}  // namespace coinfer::passes
