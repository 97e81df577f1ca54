#include <cmath>

#include "passes/patterns.hpp"

namespace coinfer::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// y = x * scale + shift, one number a channel.
struct Scaling {
  std::vector<double> scale;
  std::vector<double> shift;
};

const float* floats(const Graph& graph, ValueId id, std::int64_t count) {
  if (!graph.is_constant(id)) {
    return nullptr;
  }
  const auto& constant = graph[id].constant;
  return constant.type() == ElementType::f32 && constant.size() == count && constant.is_continuous()
             ? constant.data<float>()
             : nullptr;
}

std::optional<Scaling> of_batch_normalization(const Graph& graph, const Node& node) {
  if (node.type != "BatchNormalization" || !node.domain.empty() || node.inputs.size() != 5 ||
      !graph.is_constant(node.inputs[1]) || graph[node.outputs[0]].type != ElementType::f32) {
    return std::nullopt;
  }
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i]) {
      return std::nullopt;
    }
  }
  const auto channels = graph[node.inputs[1]].constant.size();
  const auto* scale = floats(graph, node.inputs[1], channels);
  const auto* shift = floats(graph, node.inputs[2], channels);
  const auto* mean = floats(graph, node.inputs[3], channels);
  const auto* variance = floats(graph, node.inputs[4], channels);
  if (scale == nullptr || shift == nullptr || mean == nullptr || variance == nullptr) {
    return std::nullopt;
  }
  const double epsilon = node.attributes.real("epsilon", 1e-5F);
  Scaling result;
  for (std::int64_t c = 0; c < channels; ++c) {
    result.scale.push_back(scale[c] / std::sqrt(variance[c] + epsilon));
    result.shift.push_back(shift[c] - mean[c] * result.scale.back());
  }
  return result;
}

/// The constant's number for each channel of a tensor of rank `rank`; nullopt when it is not so.
std::optional<std::vector<double>> per_channel(const Graph& graph, ValueId id, std::int64_t rank,
                                               std::int64_t channels) {
  if (!graph.is_constant(id) || graph[id].constant.type() != ElementType::f32 ||
      !graph[id].constant.is_continuous()) {
    return std::nullopt;
  }
  const auto& constant = graph[id].constant;
  const auto& shape = constant.shape();
  if (constant.size() == 1 && shape.rank() <= rank) {
    return std::vector<double>(static_cast<std::size_t>(channels), *constant.data<float>());
  }
  if (constant.size() != channels || shape.rank() > rank || shape.rank() < rank - 1 ||
      shape[shape.size() - static_cast<std::size_t>(rank - 1)] != channels) {
    return std::nullopt;
  }
  return std::vector<double>(constant.data<float>(), constant.data<float>() + channels);
}

std::optional<Scaling> of_arithmetic(const Graph& graph, const Node& node, ValueId from,
                                     std::int64_t channels) {
  const bool product = node.type == "Mul";
  if ((!product && node.type != "Add" && node.type != "Sum") || node.inputs.size() != 2 ||
      node.inputs[0] == node.inputs[1]) {
    return std::nullopt;
  }
  const auto rank = graph[from].shape.rank();
  auto numbers = per_channel(graph, node.inputs[node.inputs[0] == from ? 1 : 0], rank, channels);
  if (rank < 2 || !numbers) {
    return std::nullopt;
  }
  Scaling result;
  result.scale = product ? *numbers : std::vector<double>(numbers->size(), 1.0);
  result.shift = product ? std::vector<double>(numbers->size(), 0.0) : *numbers;
  return result;
}

void append(Scaling& first, const Scaling& second) {
  for (std::size_t c = 0; c < first.scale.size(); ++c) {
    first.scale[c] *= second.scale[c];
    first.shift[c] = first.shift[c] * second.scale[c] + second.shift[c];
  }
}

ValueId add_vector(Graph& graph, std::span<const double> numbers) {
  Tensor tensor{ElementType::f32, Shape{static_cast<std::int64_t>(numbers.size())}};
  std::transform(numbers.begin(), numbers.end(), tensor.data<float>(),
                 [](double x) { return static_cast<float>(x); });
  return graph.add_constant(tensor);
}

bool can_scale(const Graph& graph, const Node& conv) {
  return conv.type == "Conv" && conv.domain.empty() && graph.is_constant(conv.inputs[1]) &&
         graph[conv.inputs[1]].constant.type() == ElementType::f32 &&
         graph[conv.inputs[1]].constant.is_continuous() &&
         (!conv.has_input(2) || graph.is_constant(conv.inputs[2]));
}

/// `only_reader`: nothing else reads the weights as they were.
void scale_weights(Graph& graph, Node& conv, const Scaling& scaling, bool only_reader) {
  const auto weights = graph[conv.inputs[1]].constant;
  const auto channels = static_cast<std::int64_t>(scaling.scale.size());
  const auto row = weights.size() / channels;
  Tensor scaled{ElementType::f32, weights.shape()};
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto factor = scaling.scale[static_cast<std::size_t>(c)];
    for (auto i = c * row; i < (c + 1) * row; ++i) {
      scaled.data<float>()[i] = static_cast<float>(weights.data<float>()[i] * factor);
    }
  }
  auto bias = scaling.shift;
  if (conv.has_input(2)) {
    const auto* old = graph[conv.inputs[2]].constant.data<float>();
    for (std::size_t c = 0; c < bias.size(); ++c) {
      bias[c] += old[c] * scaling.scale[c];
    }
  }
  const auto before = conv.inputs[1];
  conv.inputs[1] = graph.add_constant(scaled, graph[before].name);
  if (only_reader) {
    graph[before].constant = Tensor{};  // perhaps the last handle: a model is not there twice
  }
  conv.inputs.resize(3, graph::no_value);
  conv.inputs[2] = add_vector(graph, bias);
}

}  // namespace

void fold_channel_scaling(Graph& graph) {
  const graph::Uses uses{graph};
  std::vector<bool> removed(graph.nodes.size(), false);
  const auto first_added = graph.values.size();  // what is added below has no entry in `uses`
  const auto next = [&](ValueId id) -> int {
    return id.index < first_added && uses.single_use(id) ? static_cast<int>(uses.readers(id)[0])
                                                         : -1;
  };
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (removed[i]) {
      continue;
    }
    const bool is_conv = can_scale(graph, graph.nodes[i]);
    auto scaling = of_batch_normalization(graph, graph.nodes[i]);
    if (!is_conv && !scaling) {
      continue;
    }
    const auto channels = is_conv ? graph[graph.nodes[i].inputs[1]].constant.shape()[0]
                                  : static_cast<std::int64_t>(scaling->scale.size());
    if (channels == 0) {
      continue;
    }
    auto last = graph.nodes[i].outputs[0];
    bool changed = false;
    for (auto reader = next(last); reader >= 0; reader = next(last)) {
      const auto& node = graph.nodes[static_cast<std::size_t>(reader)];
      auto more = of_batch_normalization(graph, node);
      if (!more || node.inputs[0] != last ||
          static_cast<std::int64_t>(more->scale.size()) != channels) {
        more = of_arithmetic(graph, node, last, channels);
      }
      // The result must not be broadcast to a greater shape.
      if (!more || graph[node.outputs[0]].shape.rank() != graph[last].shape.rank()) {
        break;
      }
      if (scaling) {
        append(*scaling, *more);
      } else {
        scaling = more;
      }
      changed = true;
      removed[static_cast<std::size_t>(reader)] = true;
      last = node.outputs[0];
    }
    if (!changed) {
      continue;
    }
    auto& node = graph.nodes[i];
    node.outputs[0] = last;
    if (is_conv) {
      const bool only_reader =
          node.inputs[1].index < first_added && uses.single_use(node.inputs[1]);
      scale_weights(graph, node, *scaling, only_reader);
      continue;
    }
    const std::vector<double> zeros(scaling->scale.size(), 0.0);
    const std::vector<double> ones(scaling->scale.size(), 1.0);
    node.inputs[1] = add_vector(graph, scaling->scale);
    node.inputs[2] = add_vector(graph, scaling->shift);
    node.inputs[3] = add_vector(graph, zeros);
    node.inputs[4] = add_vector(graph, ones);
    node.attributes.set("epsilon", 0.0F);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!removed[i]) {
      if (kept != i) {
        graph.nodes[kept] = std::move(graph.nodes[i]);
      }
      ++kept;
    }
  }
  graph.nodes.resize(kept);
}

}  // namespace coinfer::passes
