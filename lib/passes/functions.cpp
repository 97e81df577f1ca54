// Functions that exporters write out in elementary operators.
#include <cmath>

#include "ops/op.hpp"
#include "passes/patterns.hpp"

namespace coinfer::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

bool is_scalar(const Graph& graph, ValueId id, float wanted) {
  return graph.is_constant(id) && graph[id].constant.size() == 1 &&
         graph[id].constant.type() == ElementType::f32 &&
         std::fabs(*graph[id].constant.data<float>() - wanted) <= 1e-4F * std::fabs(wanted);
}

class Recogniser {
 public:
  explicit Recogniser(Graph& graph) : graph_{graph}, uses_{graph} {}

  void run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      // A node of a pattern is left where it is: it dies, because nothing reads it any more.
      swish(i) || hard_swish(i) || gelu(i) || layer_normalization(i);
    }
  }

 private:
  Node* maker(ValueId id, std::string_view type) {
    const auto i = id ? uses_.producer(id) : -1;
    if (i < 0) {
      return nullptr;
    }
    auto& node = graph_.nodes[static_cast<std::size_t>(i)];
    return node.type == type && node.domain.empty() ? &node : nullptr;
  }

  /// The operand of a commutative node that is not `id`; no_value when `id` is not its operand.
  static ValueId other(const Node& node, ValueId id) {
    return node.inputs.size() != 2 ? graph::no_value
           : node.inputs[0] == id  ? node.inputs[1]
           : node.inputs[1] == id  ? node.inputs[0]
                                   : graph::no_value;
  }

  /// x of x * c or c * x.
  ValueId times(ValueId id, float c) {
    const auto* node = maker(id, "Mul");
    return node == nullptr                         ? graph::no_value
           : is_scalar(graph_, node->inputs[1], c) ? node->inputs[0]
           : is_scalar(graph_, node->inputs[0], c) ? node->inputs[1]
                                                   : graph::no_value;
  }
  ValueId plus(ValueId id, float c) {
    const auto* node = maker(id, "Add");
    return node == nullptr                         ? graph::no_value
           : is_scalar(graph_, node->inputs[1], c) ? node->inputs[0]
           : is_scalar(graph_, node->inputs[0], c) ? node->inputs[1]
                                                   : graph::no_value;
  }

  bool same_shape(ValueId a, ValueId b) const {
    return graph_[a].type == graph_[b].type && graph_[a].shape.rank() == graph_[b].shape.rank();
  }

  void replace(std::size_t i, const char* type, int opset, std::initializer_list<ValueId> inputs,
               graph::Attributes attributes = {}) {
    auto& node = graph_.nodes[i];
    node.type = type;
    node.opset = opset;
    node.op = ops::Registry::instance().find("", type, opset);
    node.inputs.assign(inputs.begin(), inputs.end());
    node.attributes = std::move(attributes);
  }

  bool swish(std::size_t i) {
    const auto& node = graph_.nodes[i];
    if (node.type != "Mul" || node.inputs.size() != 2) {
      return false;
    }
    for (const auto id : {node.inputs[0], node.inputs[1]}) {
      const auto* sigmoid = maker(id, "Sigmoid");
      const auto x = other(node, id);
      if (sigmoid != nullptr && x && sigmoid->inputs[0] == x) {
        replace(i, "Swish", 24, {x});
        return true;
      }
    }
    return false;
  }

  bool hard_swish(std::size_t i) {
    const auto& node = graph_.nodes[i];
    if (node.type != "Mul" || node.inputs.size() != 2) {
      return false;
    }
    for (const auto id : {node.inputs[0], node.inputs[1]}) {
      const auto* sigmoid = maker(id, "HardSigmoid");
      const auto x = other(node, id);
      if (sigmoid != nullptr && x && sigmoid->inputs[0] == x &&
          std::fabs(sigmoid->attributes.real("alpha", 0.2F) - 1.0F / 6.0F) < 1e-6F &&
          sigmoid->attributes.real("beta", 0.5F) == 0.5F) {
        replace(i, "HardSwish", 14, {x});
        return true;
      }
    }
    return false;
  }

  /// The two ways to write GELU's distribution function.
  enum class Form : std::uint8_t { erf, tanh };

  /// x of 1 + erf(x / sqrt(2)), or of 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)).
  ValueId one_plus(ValueId id, Form& form) {
    const auto inner = plus(id, 1);
    if (const auto* erf = maker(inner, "Erf")) {
      form = Form::erf;
      if (const auto x = times(erf->inputs[0], static_cast<float>(std::sqrt(0.5)))) {
        return x;
      }
      const auto* quotient = maker(erf->inputs[0], "Div");
      return quotient != nullptr &&
                     is_scalar(graph_, quotient->inputs[1], static_cast<float>(std::sqrt(2.0)))
                 ? quotient->inputs[0]
                 : graph::no_value;
    }
    const auto* tanh = maker(inner, "Tanh");
    const auto* sum =
        tanh == nullptr ? nullptr : maker(times(tanh->inputs[0], 0.7978845608F), "Add");
    if (sum == nullptr) {
      return graph::no_value;
    }
    form = Form::tanh;
    for (const auto x : {sum->inputs[0], sum->inputs[1]}) {
      int power = 0;
      float factor = 1;
      if (multiplies(other(*sum, x), x, power, factor, 4) && power == 3 &&
          std::fabs(factor - 0.044715F) < 1e-5F) {
        return x;
      }
    }
    return graph::no_value;
  }

  /// Whether the value is a product of `x` and constants; counts the former, multiplies the latter.
  bool multiplies(ValueId id, ValueId x, int& power, float& factor, int depth) {
    if (id == x) {
      ++power;
      return true;
    }
    if (graph_.is_constant(id)) {
      const auto& constant = graph_[id].constant;
      if (constant.size() != 1 || constant.type() != ElementType::f32) {
        return false;
      }
      factor *= *constant.data<float>();
      return true;
    }
    if (const auto* node = maker(id, "Pow");
        node != nullptr && node->inputs[0] == x && is_scalar(graph_, node->inputs[1], 3)) {
      power += 3;
      return true;
    }
    const auto* node = maker(id, "Mul");
    return depth > 0 && node != nullptr && node->inputs.size() == 2 &&
           multiplies(node->inputs[0], x, power, factor, depth - 1) &&
           multiplies(node->inputs[1], x, power, factor, depth - 1);
  }

  /// x * (1 + erf(…)) * 0.5, multiplied in any order.
  bool gelu(std::size_t i) {
    const auto& node = graph_.nodes[i];
    if (node.type != "Mul" || node.inputs.size() != 2) {
      return false;
    }
    auto form = Form::erf;
    for (const auto id : {node.inputs[0], node.inputs[1]}) {
      const auto rest = other(node, id);
      // (x * 0.5) * (1 + erf)
      if (const auto x = one_plus(id, form); x && rest && times(rest, 0.5F) == x) {
        return make_gelu(i, x, form);
      }
      // (x * (1 + erf)) * 0.5, or x * ((1 + erf) * 0.5)
      const bool halved = rest && is_scalar(graph_, rest, 0.5F);
      if (const auto* product = maker(id, "Mul");
          product != nullptr && product->inputs.size() == 2) {
        for (const auto inner : {product->inputs[0], product->inputs[1]}) {
          const auto x = one_plus(inner, form);
          const auto beside = other(*product, inner);
          if (x && ((halved && beside == x) ||
                    (rest == x && beside && is_scalar(graph_, beside, 0.5F)))) {
            return make_gelu(i, x, form);
          }
        }
      }
    }
    return false;
  }

  bool make_gelu(std::size_t i, ValueId x, Form form) {
    if (!same_shape(x, graph_.nodes[i].outputs[0])) {
      return false;
    }
    graph::Attributes attributes;
    attributes.set("approximate", std::string{form == Form::tanh ? "tanh" : "none"});
    replace(i, "Gelu", 20, {x}, std::move(attributes));
    return true;
  }

  /// Whether the node reduces the last axis alone and keeps it.
  bool over_last_axis(const Node& node) {
    const auto rank = graph_[node.inputs[0]].shape.rank();
    auto axes = node.attributes.integers("axes");
    if (!axes && node.has_input(1) && graph_.is_constant(node.inputs[1]) &&
        graph_[node.inputs[1]].constant.size() == 1 &&
        graph_[node.inputs[1]].type == ElementType::i64) {
      axes = std::vector<std::int64_t>{*graph_[node.inputs[1]].constant.data<std::int64_t>()};
    }
    return rank > 0 && axes && axes->size() == 1 && ((*axes)[0] == -1 || (*axes)[0] == rank - 1) &&
           node.attributes.integer("keepdims", 1) == 1;
  }

  /// (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * scale + shift
  bool layer_normalization(std::size_t i) {
    const auto& sum = graph_.nodes[i];
    if (sum.type != "Add" || sum.inputs.size() != 2) {
      return false;
    }
    for (const auto id : {sum.inputs[0], sum.inputs[1]}) {
      const auto shift = other(sum, id);
      const auto* product = maker(id, "Mul");
      if (product == nullptr || !is_row(shift)) {
        continue;
      }
      for (const auto factor : {product->inputs[0], product->inputs[1]}) {
        const auto scale = other(*product, factor);
        const auto* quotient = maker(factor, "Div");
        if (quotient == nullptr || !is_row(scale) ||
            graph_[scale].constant.size() != graph_[shift].constant.size()) {
          continue;
        }
        float epsilon = 0;
        const auto x = centred_by_deviation(*quotient, epsilon);
        if (x && graph_[x].type == ElementType::f32 && graph_[x].shape.has_rank() &&
            graph_[x].shape[static_cast<std::size_t>(graph_[x].shape.rank() - 1)] ==
                Dimension{graph_[scale].constant.size()}) {
          graph::Attributes attributes;
          attributes.set("epsilon", epsilon);
          attributes.set("axis", std::int64_t{-1});
          replace(i, "LayerNormalization", 17, {x, scale, shift}, std::move(attributes));
          return true;
        }
      }
    }
    return false;
  }

  bool is_row(ValueId id) const {
    return graph_.is_constant(id) && graph_[id].shape.rank() == 1 &&
           graph_[id].type == ElementType::f32;
  }

  ValueId centred_by_deviation(const Node& quotient, float& epsilon) {
    const auto centred = quotient.inputs[0];
    const auto* root = maker(quotient.inputs[1], "Sqrt");
    const auto* difference = maker(centred, "Sub");
    const auto* shifted = root != nullptr ? maker(root->inputs[0], "Add") : nullptr;
    if (difference == nullptr || shifted == nullptr) {
      return graph::no_value;
    }
    const auto* mean = maker(difference->inputs[1], "ReduceMean");
    if (mean == nullptr || mean->inputs[0] != difference->inputs[0] || !over_last_axis(*mean)) {
      return graph::no_value;
    }
    for (const auto id : {shifted->inputs[0], shifted->inputs[1]}) {
      const auto rest = other(*shifted, id);
      const auto* variance = maker(id, "ReduceMean");
      if (variance == nullptr || !graph_.is_constant(rest) || graph_[rest].constant.size() != 1 ||
          graph_[rest].type != ElementType::f32 || !over_last_axis(*variance)) {
        continue;
      }
      epsilon = *graph_[rest].constant.data<float>();
      const auto* power = maker(variance->inputs[0], "Pow");
      const auto* square = maker(variance->inputs[0], "Mul");
      if ((power != nullptr && power->inputs[0] == centred &&
           is_scalar(graph_, power->inputs[1], 2)) ||
          (square != nullptr && square->inputs[0] == centred && square->inputs[1] == centred)) {
        return mean->inputs[0];
      }
    }
    return graph::no_value;
  }

  Graph& graph_;
  graph::Uses uses_;
};

}  // namespace

void recognise_functions(Graph& graph) { Recogniser{graph}.run(); }

}  // namespace coinfer::passes
