#include "plan/quantization.hpp"

#include <dnnl.hpp>
#include <unordered_map>

#include "ops/quantized.hpp"
#include "passes/passes.hpp"

namespace coinfer::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::PostOp;
using graph::ValueId;
using Input = ops::QuantizedInput;

bool is(const Node& node, std::initializer_list<std::string_view> types) {
  return node.domain.empty() && std::find(types.begin(), types.end(), node.type) != types.end();
}

bool is_8_bit(ElementType type) { return type == ElementType::u8 || type == ElementType::i8; }

class Keeping {
 public:
  explicit Keeping(Graph& graph) : graph_{graph}, uses_{graph}, removed_(graph.nodes.size()) {}

  void run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (per_tensor(node(i), "QuantizeLinear")) {
        try_product(i) || try_add(i) || try_move(i);
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
    passes::remove_dead(graph_);
  }

 private:
  Node& node(std::size_t i) { return graph_.nodes[i]; }

  /// The node quantises or dequantises between f32 and 8 bits with one constant scale.
  bool per_tensor(const Node& one, std::string_view type) const {
    if (!is(one, {type}) || one.inputs.size() < 2 || !graph_.is_constant(one.inputs[1]) ||
        !one.post_ops.empty() || one.attributes.integer("block_size", 0) != 0 ||
        (one.has_input(2) && !graph_.is_constant(one.inputs[2]))) {
      return false;
    }
    const auto& scale = graph_[one.inputs[1]].constant;
    auto from = graph_[one.inputs[0]].type;
    auto to = graph_[one.outputs[0]].type;
    if (type == "DequantizeLinear") {
      std::swap(from, to);
    }
    return scale.type() == ElementType::f32 && scale.size() == 1 && from == ElementType::f32 &&
           is_8_bit(to);
  }

  float scale_of(const Node& one) const {
    return static_cast<float>(ops::numbers_of(graph_[one.inputs[1]].constant)[0]);
  }
  float zero_of(const Node& one) const {
    return one.has_input(2) ? static_cast<float>(ops::numbers_of(graph_[one.inputs[2]].constant)[0])
                            : 0.0F;
  }

  /// The node that makes `id` for one reader alone; nullptr when there is none.
  Node* only_producer(ValueId id) {
    const auto by = uses_.producer(id);
    return by >= 0 && uses_.single_use(id) && !removed_[static_cast<std::size_t>(by)]
               ? &node(static_cast<std::size_t>(by))
               : nullptr;
  }
  const Node* dequantized(ValueId id) const {
    const auto by = uses_.producer(id);
    if (by < 0) {
      return nullptr;
    }
    const auto& one = graph_.nodes[static_cast<std::size_t>(by)];
    return per_tensor(one, "DequantizeLinear") ? &one : nullptr;
  }

  /// Post-ops that oneDNN does before it rounds, whatever it computes the product with: functions
  /// of an element, and constants added to each row, which are the bias.
  bool every_primitive_can(const Node& product) const {
    for (std::size_t i = 0; i < product.post_ops.size(); ++i) {
      const auto& one = product.post_ops[i];
      if (one.kind == PostOp::Kind::eltwise) {
        continue;
      }
      const auto dims = graph_[product.outputs[0]].shape.to_shape();
      if (i > 0 || product.type != "QuantizedMatMul" || product.has_input(Input::bias) ||
          one.kind != PostOp::Kind::binary ||
          one.algorithm != static_cast<int>(dnnl::algorithm::binary_add) ||
          !graph_.is_constant(one.operand) || dims.size() < 2) {
        return false;
      }
      const auto row = graph_[one.operand].shape.to_shape();
      if (row.empty() || row.back() != dims.back() || row.elements() != dims.back()) {
        return false;
      }
    }
    return true;
  }

  bool try_product(std::size_t i) {
    auto& last = node(i);
    // What post-ops made of the product's result is the value that the product makes now.
    auto* product = only_producer(last.inputs[0]);
    if (product == nullptr || product->domain != "coinfer" ||
        (product->type != "QuantizedConv" && product->type != "QuantizedMatMul") ||
        product->has_input(Input::y_scale) || !every_primitive_can(*product)) {
      return false;
    }
    product->inputs.resize(Input::y_scale, graph::no_value);
    product->inputs.push_back(last.inputs[1]);
    if (last.has_input(2)) {
      product->inputs.push_back(last.inputs[2]);
    }
    product->outputs[0] = last.outputs[0];
    products_[last.outputs[0].index] = static_cast<std::size_t>(product - graph_.nodes.data());
    removed_[i] = true;
    return true;
  }

  /// The convolution that makes the 8-bit tensor of `dequantize`, for `value` alone. A zero point
  /// at the end of its type's numbers may stand for a Relu that a quantizer removed: then the
  /// rounding is part of the network.
  std::optional<std::size_t> convolution_of(const Node& dequantize, ValueId value) const {
    const auto id = dequantize.inputs[0];
    const auto found = products_.find(id.index);
    const bool is_signed = graph_[id].type == ElementType::i8;
    const auto zero = zero_of(dequantize);
    if (found == products_.end() || !uses_.single_use(id) || !uses_.single_use(value) ||
        zero == (is_signed ? -128.0F : 0.0F) || zero == (is_signed ? 127.0F : 255.0F)) {
      return std::nullopt;
    }
    const auto& product = graph_.nodes[found->second];
    return product.type == "QuantizedConv" && product.post_ops.empty() &&
                   !product.has_input(Input::sum)
               ? std::optional{found->second}
               : std::nullopt;
  }

  /// The sum as part of the convolution that makes one of its operands.
  bool try_sum(std::size_t i, const Node& sum, const Node& a, const Node& b, bool relu) {
    for (const bool first : {true, false}) {
      const auto& added = first ? b : a;
      const auto at = convolution_of(first ? a : b, sum.inputs[first ? 0 : 1]);
      const auto& last = node(i);
      if (!at || graph_[added.inputs[0]].type != graph_[last.outputs[0]].type ||
          added.inputs[0] == (first ? a : b).inputs[0]) {
        continue;
      }
      auto conv = std::move(node(*at));
      removed_[*at] = true;
      conv.inputs.resize(Input::y_scale, graph::no_value);
      conv.inputs.push_back(last.inputs[1]);
      conv.inputs.push_back(last.has_input(2) ? last.inputs[2] : graph::no_value);
      conv.inputs.push_back(added.inputs[0]);
      conv.attributes.set("sum_scale", scale_of(added));
      conv.attributes.set("sum_zero", zero_of(added));
      conv.attributes.set("relu", std::int64_t{relu ? 1 : 0});
      conv.outputs[0] = last.outputs[0];
      node(i) = std::move(conv);
      return true;
    }
    return false;
  }

  bool try_add(std::size_t i) {
    auto& last = node(i);
    auto* sum = only_producer(last.inputs[0]);
    bool relu = false;
    std::size_t relu_at = 0;
    if (sum != nullptr && is(*sum, {"Relu"}) && sum->post_ops.empty()) {
      relu = true;
      relu_at = static_cast<std::size_t>(sum - graph_.nodes.data());
      sum = only_producer(sum->inputs[0]);
    }
    if (sum == nullptr || !is(*sum, {"Add"}) || !sum->post_ops.empty()) {
      return false;
    }
    const auto* a = dequantized(sum->inputs[0]);
    const auto* b = dequantized(sum->inputs[1]);
    const auto dims = graph_[sum->outputs[0]].shape.to_shape();
    if (a == nullptr || b == nullptr || graph_[sum->inputs[0]].shape.to_shape() != dims ||
        graph_[sum->inputs[1]].shape.to_shape() != dims) {
      return false;
    }
    const auto at = static_cast<std::size_t>(sum - graph_.nodes.data());
    if (try_sum(i, *sum, *a, *b, relu)) {
      removed_[at] = true;
      if (relu) {
        removed_[relu_at] = true;
      }
      return true;
    }
    Node made;
    made.name = sum->name;
    made.type = "QuantizedAdd";
    made.domain = "coinfer";
    made.opset = 1;
    made.op = ops::Registry::instance().find(made.domain, made.type, made.opset);
    made.attributes.set("scales", std::vector<float>{scale_of(*a), scale_of(*b), scale_of(last)});
    made.attributes.set("zeros", std::vector<float>{zero_of(*a), zero_of(*b), zero_of(last)});
    made.attributes.set("relu", std::int64_t{relu ? 1 : 0});
    made.attributes.set("signed",
                        std::int64_t{graph_[last.outputs[0]].type == ElementType::i8 ? 1 : 0});
    made.inputs = {a->inputs[0], b->inputs[0]};
    made.outputs = {last.outputs[0]};
    removed_[at] = true;
    if (relu) {
      removed_[relu_at] = true;
    }
    node(i) = std::move(made);
    return true;
  }

  bool try_move(std::size_t i) {
    auto& last = node(i);
    auto* move = only_producer(last.inputs[0]);
    if (move == nullptr || !move->post_ops.empty() || move->outputs.size() != 1 ||
        !is(*move,
            {"MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Transpose"})) {
      return false;
    }
    const auto* from = dequantized(move->inputs[0]);
    if (from == nullptr || scale_of(*from) != scale_of(last) || zero_of(*from) != zero_of(last) ||
        graph_[from->inputs[0]].type != graph_[last.outputs[0]].type) {
      return false;
    }
    move->inputs[0] = from->inputs[0];
    move->outputs[0] = last.outputs[0];
    removed_[i] = true;
    return true;
  }

  Graph& graph_;
  const graph::Uses uses_;
  std::vector<bool> removed_;
  std::unordered_map<std::uint32_t, std::size_t> products_;  // nodes, by the 8-bit tensor they make
};

}  // namespace

void keep_quantized(Graph& graph) {
  const auto found = std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.type == "QuantizeLinear" && node.domain.empty();
  });
  if (found) {
    Keeping{graph}.run();
  }
}

}  // namespace coinfer::plan
