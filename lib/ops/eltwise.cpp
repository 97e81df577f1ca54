#include "ops/eltwise.hpp"

#include <cmath>
#include <limits>

#include "plan/onednn.hpp"

namespace coinfer::ops {
namespace {

using dnnl::algorithm;

std::optional<float> scalar(const graph::Graph& graph, graph::ValueId id) {
  if (!graph.is_constant(id)) {
    return std::nullopt;
  }
  const auto& constant = graph[id].constant;
  if (constant.size() != 1 || constant.type() != ElementType::f32) {
    return std::nullopt;
  }
  return *constant.data<float>();
}

std::optional<Eltwise> clip(const graph::Graph& graph, const graph::Node& node) {
  auto low = node.attributes.real("min", std::numeric_limits<float>::lowest());
  auto high = node.attributes.real("max", std::numeric_limits<float>::max());
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i)) {
      const auto bound = scalar(graph, node.inputs[i]);
      if (!bound) {
        return std::nullopt;
      }
      (i == 1 ? low : high) = *bound;
    }
  }
  if (!(low <= high)) {
    return std::nullopt;
  }
  return Eltwise{algorithm::eltwise_clip_v2, low, high};
}

/// Arithmetic with one constant scalar.
std::optional<EltwiseNode> with_scalar(const graph::Graph& graph, const graph::Node& node) {
  if (node.inputs.size() != 2) {
    return std::nullopt;
  }
  const auto& type = node.type;
  // x op c
  if (const auto c = scalar(graph, node.inputs[1]);
      c && graph[node.inputs[1]].shape.rank() <= graph[node.inputs[0]].shape.rank()) {
    if (type == "Add" || type == "Sum") {
      return EltwiseNode{{algorithm::eltwise_linear, 1, *c}, 0};
    }
    if (type == "Sub") {
      return EltwiseNode{{algorithm::eltwise_linear, 1, -*c}, 0};
    }
    if (type == "Mul") {
      return EltwiseNode{{algorithm::eltwise_linear, *c, 0}, 0};
    }
    if (type == "Div" && std::fabs(*c) > 1e-30F && std::isfinite(*c)) {
      return EltwiseNode{{algorithm::eltwise_linear, 1.0F / *c, 0}, 0};
    }
    if (type == "Pow" && *c == 2.0F) {
      return EltwiseNode{{algorithm::eltwise_square, 0, 0}, 0};
    }
    if (type == "Pow" && *c == 0.5F) {
      return EltwiseNode{{algorithm::eltwise_sqrt, 0, 0}, 0};
    }
    return std::nullopt;
  }
  // c op x
  if (const auto c = scalar(graph, node.inputs[0]);
      c && graph[node.inputs[0]].shape.rank() <= graph[node.inputs[1]].shape.rank()) {
    if (type == "Add" || type == "Sum") {
      return EltwiseNode{{algorithm::eltwise_linear, 1, *c}, 1};
    }
    if (type == "Sub") {
      return EltwiseNode{{algorithm::eltwise_linear, -1, *c}, 1};
    }
    if (type == "Mul") {
      return EltwiseNode{{algorithm::eltwise_linear, *c, 0}, 1};
    }
    if (type == "Div") {
      return EltwiseNode{{algorithm::eltwise_pow, *c, -1}, 1};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<EltwiseNode> as_eltwise(const graph::Graph& graph, const graph::Node& node) {
  if (node.inputs.empty() || node.outputs.size() != 1 ||
      !plan::is_f32_or_bf16(graph[node.outputs[0]].type) || !node.domain.empty()) {
    return std::nullopt;
  }
  const auto alpha = [&](float otherwise) { return node.attributes.real("alpha", otherwise); };
  const auto simple = [](algorithm name, float a = 0, float b = 0) {
    return EltwiseNode{{name, a, b}, 0};
  };
  const auto& type = node.type;
  if (type == "Relu") {
    return simple(algorithm::eltwise_relu);
  }
  if (type == "LeakyRelu") {
    return simple(algorithm::eltwise_relu, alpha(0.01F));
  }
  if (type == "Sigmoid") {
    return simple(algorithm::eltwise_logistic);
  }
  if (type == "Tanh") {
    return simple(algorithm::eltwise_tanh);
  }
  if (type == "Elu") {
    return simple(algorithm::eltwise_elu, alpha(1));
  }
  if (type == "Exp") {
    return simple(algorithm::eltwise_exp);
  }
  if (type == "Log") {
    return simple(algorithm::eltwise_log);
  }
  if (type == "Sqrt") {
    return simple(algorithm::eltwise_sqrt);
  }
  if (type == "Abs") {
    return simple(algorithm::eltwise_abs);
  }
  if (type == "Neg") {
    return simple(algorithm::eltwise_linear, -1, 0);
  }
  if (type == "Reciprocal") {
    return simple(algorithm::eltwise_pow, 1, -1);
  }
  if (type == "Softplus") {
    return simple(algorithm::eltwise_soft_relu, 1);
  }
  if (type == "Mish") {
    return simple(algorithm::eltwise_mish);
  }
  if (type == "Swish") {
    return simple(algorithm::eltwise_swish, alpha(1));
  }
  if (type == "Gelu") {
    return simple(node.attributes.text("approximate", "none") == "tanh"
                      ? algorithm::eltwise_gelu_tanh
                      : algorithm::eltwise_gelu_erf);
  }
  if (type == "HardSigmoid") {
    return simple(algorithm::eltwise_hardsigmoid, alpha(0.2F), node.attributes.real("beta", 0.5F));
  }
  if (type == "HardSwish") {
    return simple(algorithm::eltwise_hardswish, 1.0F / 6.0F, 0.5F);
  }
  if (type == "Clip") {
    if (const auto function = clip(graph, node)) {
      return EltwiseNode{*function, 0};
    }
    return std::nullopt;
  }
  if (type == "Add" || type == "Sub" || type == "Mul" || type == "Div" || type == "Pow" ||
      type == "Sum") {
    return with_scalar(graph, node);
  }
  return std::nullopt;
}

std::optional<algorithm> as_binary(const graph::Node& node) {
  if (node.inputs.size() != 2 || !node.domain.empty()) {
    return std::nullopt;
  }
  const auto& type = node.type;
  if (type == "Add" || type == "Sum") {
    return algorithm::binary_add;
  }
  if (type == "Sub") {
    return algorithm::binary_sub;
  }
  if (type == "Mul") {
    return algorithm::binary_mul;
  }
  if (type == "Div") {
    return algorithm::binary_div;
  }
  if (type == "Max") {
    return algorithm::binary_max;
  }
  if (type == "Min") {
    return algorithm::binary_min;
  }
  return std::nullopt;
}

}  // namespace coinfer::ops
