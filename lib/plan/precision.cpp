#include "plan/precision.hpp"

#include <dnnl.hpp>

#include "kernels/softmax.hpp"
#include "ops/eltwise.hpp"
#include "ops/op.hpp"
#include "passes/node.hpp"

namespace coinfer::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// Products of fewer multiplications gain less than the casts around them cost.
constexpr double least_work = 32 * 1024;
/// Products of fewer terms are positions and angles (of rotary embeddings), which 8 bits spoil.
constexpr std::int64_t least_terms = 8;
/// Of an image of one channel the planar kernel is faster than anything in bf16.
constexpr std::int64_t least_terms_of_conv = 16;

bool is_one_of(const Node& node, std::initializer_list<std::string_view> types) {
  return node.domain.empty() && std::find(types.begin(), types.end(), node.type) != types.end();
}

bool has(dnnl::cpu_isa isa) {
  const auto wanted = static_cast<unsigned>(isa);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
}

class Precision {
 public:
  explicit Precision(Graph& graph) : graph_{graph}, low_(graph.nodes.size(), false) {}

  void run() {
    find_products();
    spread();
    keep_between_products();
    rewrite();
  }

 private:
  bool is_f32(ValueId id) const { return graph_[id].type == ElementType::f32; }
  Shape dims(ValueId id) const { return graph_[id].shape.to_shape(); }
  const Node& node(std::size_t i) const { return graph_.nodes[i]; }

  bool is_product(const Node& node) const {
    if (!is_one_of(node, {"Conv", "ConvTranspose", "MatMul", "Gemm"}) || !is_f32(node.outputs[0]) ||
        !is_f32(node.inputs[0]) || !is_f32(node.inputs[1]) || graph_.is_constant(node.inputs[0])) {
      return false;
    }
    const auto src = dims(node.inputs[0]);
    const auto weights = dims(node.inputs[1]);
    const auto dst = dims(node.outputs[0]);
    if (src.elements() == 0 || weights.elements() == 0 || dst.elements() == 0) {
      return false;
    }
    auto work = static_cast<double>(dst.elements());
    if (node.type == "Conv") {
      // oneDNN's depthwise convolution is slower in bf16.
      const auto group = node.attributes.integer("group", 1);
      const auto ranks = src.size() >= 3 && src.size() <= 5;
      if (!graph_.is_constant(node.inputs[1]) || !ranks ||
          (group > 1 && (weights[1] < 8 || weights[0] / group < 8)) ||
          weights.elements() / weights[0] < least_terms_of_conv) {
        return false;
      }
      work *= static_cast<double>(weights.elements() / weights[0]);
    } else if (node.type == "ConvTranspose") {
      const auto group = node.attributes.integer("group", 1);
      if (!graph_.is_constant(node.inputs[1]) || src.size() < 3 || src.size() > 5 ||
          (group > 1 && (weights[1] < 8 || weights[0] / group < 8))) {
        return false;
      }
      work = static_cast<double>(src.elements()) *
             static_cast<double>(weights.elements() / weights[0]);
    } else if (node.type == "Gemm") {
      const bool plain =
          node.attributes.real("alpha", 1) == 1.0F && node.attributes.real("beta", 1) == 1.0F;
      const auto row = Shape{1, dst[1]};
      if (!plain || (node.has_input(2) && dims(node.inputs[2]) != row &&
                     dims(node.inputs[2]) != Shape{dst[1]})) {
        return false;
      }
      work *= static_cast<double>(src.elements()) / static_cast<double>(dst[0] == 0 ? 1 : dst[0]);
    } else {
      if (src.size() < 2 || weights.size() < 2 || dst.size() > 6) {
        return false;
      }
      if (src.back() < least_terms) {
        return false;
      }
      work *= static_cast<double>(src.back());
    }
    return work >= least_work;
  }

  void find_products() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      product_.push_back(is_product(node(i)));
      low_[i] = product_[i];
    }
  }

  /// A factor and a summand a channel, and perhaps a relu: computed in f32 on the way.
  bool is_scale_shift(const Node& node) const {
    return is_one_of(node, {"BatchNormalization"}) && node.outputs.size() == 1 &&
           dims(node.outputs[0]).size() > 2 && dims(node.outputs[0]).size() <= 5 &&
           std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [&](ValueId id) { return graph_.is_constant(id) && is_f32(id); }) &&
           (node.post_ops.empty() ||
            (node.post_ops.size() == 1 && node.post_ops[0].type == "Relu"));
  }

  /// Computes in f32 and can round its result as it stores it.
  bool can_round(const Node& node) const {
    if (node.outputs.size() != 1 || !node.outputs[0] || !is_f32(node.outputs[0]) ||
        !node.post_ops.empty() || !node.has_input(0) || !is_f32(node.inputs[0])) {
      return false;
    }
    const auto shape = dims(node.outputs[0]);
    if (shape.empty() || shape.elements() == 0) {
      return false;
    }
    if (node.domain == "coinfer" && node.type == "MaskedSoftmax") {
      return shape.back() <= kernels::longest_bf16_row;
    }
    if (is_one_of(node, {"Softmax"})) {
      const auto axis = node.attributes.integer("axis", node.opset < 13 ? 1 : -1);
      return (axis == -1 || axis == shape.rank() - 1) && shape.back() <= kernels::longest_bf16_row;
    }
    const auto axis = node.attributes.integer("axis", -1);
    return is_one_of(node, {"LayerNormalization"}) && (axis == -1 || axis == shape.rank() - 1) &&
           std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](ValueId id) {
             return !id || (is_f32(id) && dims(id) == Shape{shape.back()});
           });
  }

  /// Runs in bf16 as in f32, but for the rounding of its result.
  bool passes_on(const Node& node) const {
    if (is_scale_shift(node)) {
      return is_f32(node.outputs[0]) && dims(node.outputs[0]).elements() > 0;
    }
    if (node.outputs.empty() || !node.post_ops.empty() || !node.outputs[0]) {
      return false;
    }
    for (const auto id : node.outputs) {
      if (!id || !is_f32(id) || dims(id).elements() == 0) {
        return false;
      }
    }
    if (is_one_of(node, {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Transpose",
                         "Concat", "Slice", "Split"})) {
      return true;
    }
    if (node.outputs.size() != 1 || dims(node.outputs[0]).size() > 5) {
      return false;
    }
    if (is_one_of(node, {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"})) {
      return true;
    }
    if (is_one_of(node, {"Add", "Sub", "Mul", "Max", "Min"})) {
      return node.inputs.size() == 2;
    }
    return is_one_of(node, {"Relu", "LeakyRelu", "Elu", "Clip", "HardSigmoid", "HardSwish",
                            "Sigmoid", "Tanh", "Gelu", "Swish", "Abs", "Neg"}) &&
           ops::as_eltwise(graph_, node).has_value();
  }

  /// The input holds numbers of the network, not shapes or bounds.
  bool is_data(const Node& node, std::size_t i) const {
    return node.has_input(i) && is_f32(node.inputs[i]) && !(node.type == "Clip" && i > 0);
  }

  void spread() {
    std::vector<bool> is_low(graph_.values.size(), false);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!low_[i] && passes_on(node(i))) {
        bool any = false;
        bool all = true;
        for (std::size_t k = 0; k < node(i).inputs.size(); ++k) {
          if (is_data(node(i), k) && !graph_.is_constant(node(i).inputs[k])) {
            any = true;
            all = all && is_low[node(i).inputs[k].index];
          }
        }
        low_[i] = any && all;
      }
      for (const auto id : node(i).outputs) {
        if (id) {
          is_low[id.index] = low_[i];
        }
      }
    }
  }

  /// What leads to no product stays f32.
  void keep_between_products() {
    wanted_.assign(graph_.values.size(), false);
    for (auto i = graph_.nodes.size(); i-- > 0;) {
      const auto& one = node(i);
      if (low_[i] && !product_[i]) {
        low_[i] = std::any_of(one.outputs.begin(), one.outputs.end(),
                              [&](ValueId id) { return wanted_[id.index]; });
      }
      if (!low_[i]) {
        continue;
      }
      for (std::size_t k = 0; k < one.inputs.size(); ++k) {
        if (reads_low(i, k)) {
          wanted_[one.inputs[k].index] = true;
        }
      }
      // What is added to a bf16 result is as exact as that.
      for (const auto& post_op : one.post_ops) {
        const auto id = post_op.operand;
        if (id && writes_low(i) && is_f32(id) && !graph_.is_constant(id) &&
            dims(id) == dims(one.outputs[0])) {
          wanted_[id.index] = true;
        }
      }
    }
  }

  /// Of a low node: the input is to be bf16.
  bool reads_low(std::size_t i, std::size_t k) const {
    const auto& one = node(i);
    if (!is_data(one, k)) {
      return false;
    }
    if (product_[i]) {
      return k == 0 || (k == 1 && !graph_.is_constant(one.inputs[1]));
    }
    if (one.type == "BatchNormalization") {
      return k == 0;
    }
    // Arithmetic with one number is a function of the other operand.
    const auto eltwise = ops::as_eltwise(graph_, one);
    return !eltwise || k == eltwise->input ||
           dims(one.inputs[eltwise->input]) != dims(one.outputs[0]);
  }

  void cast(std::vector<Node>& nodes, ValueId from, ValueId to, const std::string& name) {
    Node node;
    node.name = name;
    node.type = "Cast";
    node.opset = 13;
    node.op = ops::Registry::instance().find("", node.type, node.opset);
    node.attributes.set("to", std::int64_t{graph_[to].type == ElementType::bf16 ? 16 : 1});
    node.inputs = {from};
    node.outputs = {to};
    nodes.push_back(std::move(node));
  }

  ValueId add_bf16_like(ValueId id) {
    auto value = graph_[id];
    value.type = ElementType::bf16;
    value.constant = {};
    const auto added = graph_.add(std::move(value));
    return added;
  }

  ValueId rounded_constant(ValueId id) {
    const auto constant = graph_[id].constant;  // values move when one is added
    Tensor rounded{ElementType::bf16, constant.shape()};
    Node node;
    node.type = "Cast";
    node.opset = 13;
    node.op = ops::Registry::instance().find("", node.type, node.opset);
    node.attributes.set("to", std::int64_t{16});
    const auto to = add_bf16_like(id);
    node.inputs = {id};
    node.outputs = {to};
    Tensor dense = constant;
    if (!dense.is_continuous()) {
      dense = Tensor{constant.type(), constant.shape()};
      constant.copy_to(dense);
    }
    const void* src[] = {dense.data()};
    void* dst[] = {rounded.data()};
    node.op->kernel(ops::KernelContext{node, graph_})(src, dst);
    graph_[to].constant = rounded;
    return to;
  }

  bool writes_low(std::size_t i) const {
    return low_[i] && (!product_[i] || wanted_[node(i).outputs[0].index]);
  }

  void rewrite() {
    std::vector<bool> needs_f32(graph_.values.size(), false);
    for (const auto id : graph_.outputs) {
      needs_f32[id.index] = true;
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto& one = node(i);
      for (std::size_t k = 0; k < one.inputs.size(); ++k) {
        if (one.has_input(k) && !(low_[i] && reads_low(i, k))) {
          needs_f32[one.inputs[k].index] = true;
        }
      }
      for (const auto& post_op : one.post_ops) {
        if (post_op.operand && !low_[i]) {
          needs_f32[post_op.operand.index] = true;
        }
      }
    }
    // The same value in bf16.
    std::vector<ValueId> rounded(graph_.values.size());
    std::vector<Node> nodes;
    nodes.reserve(graph_.nodes.size() * 2);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      auto one = graph_.nodes[i];
      if (low_[i]) {
        for (std::size_t k = 0; k < one.inputs.size(); ++k) {
          if (!reads_low(i, k)) {
            continue;
          }
          const auto id = one.inputs[k];
          if (!rounded[id.index]) {
            if (graph_.is_constant(id)) {
              rounded[id.index] = rounded_constant(id);
            } else {
              rounded[id.index] = add_bf16_like(id);
              cast(nodes, id, rounded[id.index], one.name);
              if (one.type == "Conv" || one.type == "ConvTranspose") {
                nodes.back().attributes.set("channels_last", std::int64_t{1});
              }
            }
          }
          one.inputs[k] = rounded[id.index];
        }
        for (auto& post_op : one.post_ops) {
          const auto id = post_op.operand;
          if (id && rounded[id.index] && (!needs_f32[id.index] || writes_low(i))) {
            post_op.operand = rounded[id.index];
          }
        }
      }
      std::vector<std::pair<ValueId, ValueId>> casts;
      if (low_[i]) {
        for (auto& id : one.outputs) {
          if (writes_low(i)) {
            const auto low = add_bf16_like(id);
            rounded[id.index] = low;
            if (needs_f32[id.index]) {
              casts.emplace_back(low, id);
            }
            id = low;
          }
        }
        if (product_[i] || is_scale_shift(node(i))) {
          one.attributes.set("mixed_precision", std::int64_t{1});
        }
      } else if (can_round(one) && wanted_[one.outputs[0].index] &&
                 !needs_f32[one.outputs[0].index]) {
        const auto low = add_bf16_like(one.outputs[0]);
        rounded[one.outputs[0].index] = low;
        one.outputs[0] = low;
        one.attributes.set("mixed_precision", std::int64_t{1});
      } else if (is_one_of(one, {"RNN", "GRU", "LSTM"})) {
        one.attributes.set("rounded_inputs", std::int64_t{1});
      }
      const auto name = one.name;
      nodes.push_back(std::move(one));
      for (const auto& [from, to] : casts) {
        cast(nodes, from, to, name);
      }
    }
    graph_.nodes = std::move(nodes);
  }

  Graph& graph_;
  std::vector<bool> low_;      // by node: runs in bf16
  std::vector<bool> product_;  // by node
  std::vector<bool> wanted_;   // by value: a bf16 node reads it
};

}  // namespace

bool has_bf16() { return has(dnnl::cpu_isa::avx512_core_bf16); }
bool has_amx() { return has(dnnl::cpu_isa::avx512_core_amx); }

void lower_precision(graph::Graph& graph) { Precision{graph}.run(); }

}  // namespace coinfer::plan
