#include "passes/bounds.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "ops/op.hpp"

namespace coinfer::passes {
namespace {

using graph::Graph;
using graph::Interval;
using graph::Node;
using Bounds = std::vector<Interval>;

constexpr std::size_t most_elements = 64;
constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
constexpr auto highest = std::numeric_limits<std::int64_t>::max();

std::int64_t saturated(__int128 value) {
  return static_cast<std::int64_t>(
      std::clamp(value, static_cast<__int128>(lowest), static_cast<__int128>(highest)));
}

std::optional<Bounds> bounds_of(const Graph& graph, const Node& node, std::size_t i) {
  return node.has_input(i) ? ops::bounds_of(graph[node.inputs[i]]) : std::nullopt;
}

/// A constant input's integers.
std::optional<std::vector<std::int64_t>> known(const Graph& graph, const Node& node,
                                               std::size_t i) {
  const auto bounds = bounds_of(graph, node, i);
  if (!bounds || !graph.is_constant(node.inputs[i])) {
    return std::nullopt;
  }
  std::vector<std::int64_t> values;
  for (const auto& one : *bounds) {
    values.push_back(one.least);
  }
  return values;
}

std::optional<Bounds> shape(const Graph& graph, const Node& node) {
  const auto& extents = graph[node.inputs[0]].shape;
  if (!extents.has_rank()) {
    return std::nullopt;
  }
  const auto rank = extents.rank();
  const auto clamp = [rank](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  Bounds result;
  const auto end = clamp(node.attributes.integer("end", rank));
  for (auto i = clamp(node.attributes.integer("start", 0)); i < end; ++i) {
    const auto extent = extents[static_cast<std::size_t>(i)];
    result.push_back({extent.min_length(), extent.max_length()});
  }
  return result;
}

std::optional<Bounds> gather(const Graph& graph, const Node& node) {
  const auto source = bounds_of(graph, node, 0);
  const auto indices = known(graph, node, 1);
  const auto axis = node.attributes.integer("axis", 0);
  if (!source || !indices || graph[node.inputs[0]].shape.rank() != 1 || (axis != 0 && axis != -1)) {
    return std::nullopt;
  }
  Bounds result;
  const auto count = static_cast<std::int64_t>(source->size());
  for (const auto index : *indices) {
    if (index < -count || index >= count) {
      return std::nullopt;
    }
    result.push_back((*source)[static_cast<std::size_t>(index < 0 ? index + count : index)]);
  }
  return result;
}

std::optional<Bounds> concat(const Graph& graph, const Node& node) {
  Bounds result;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const auto part = bounds_of(graph, node, i);
    if (!part || graph[node.inputs[i]].shape.rank() != 1) {
      return std::nullopt;
    }
    result.insert(result.end(), part->begin(), part->end());
  }
  return result;
}

/// A part of one row, its ends known.
std::optional<Bounds> slice(const Graph& graph, const Node& node) {
  const auto source = bounds_of(graph, node, 0);
  const auto begin = known(graph, node, 1), end = known(graph, node, 2);
  const auto step = node.has_input(4) ? known(graph, node, 4) : std::vector<std::int64_t>{1};
  if (!source || graph[node.inputs[0]].shape.rank() != 1 || !begin || !end || !step ||
      begin->size() != 1 || end->size() != 1 || step->size() != 1 || step->front() != 1) {
    return std::nullopt;
  }
  const auto count = static_cast<std::int64_t>(source->size());
  const auto place = [count](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + count : at, 0, count);
  };
  const auto first = place(begin->front()), last = std::max(first, place(end->front()));
  return Bounds(source->begin() + first, source->begin() + last);
}

std::optional<Interval> divided(const Interval& a, const Interval& b) {
  if (a.least < 0 || b.least < 1) {
    return std::nullopt;  // signs and zeros are no matter of extents
  }
  return Interval{a.least / b.most, a.most == highest ? highest : a.most / b.least};
}

Interval multiplied(const Interval& a, const Interval& b) {
  const auto times = [](std::int64_t x, std::int64_t y) {
    return static_cast<__int128>(x) * static_cast<__int128>(y);
  };
  const auto [least, most] = std::minmax({times(a.least, b.least), times(a.least, b.most),
                                          times(a.most, b.least), times(a.most, b.most)});
  return {saturated(least), saturated(most)};
}

std::optional<Interval> combined(std::string_view type, const Interval& a, const Interval& b) {
  const auto sum = [](std::int64_t x, __int128 y) { return saturated(x + y); };
  if (type == "Add") {
    return Interval{sum(a.least, b.least), sum(a.most, b.most)};
  }
  if (type == "Sub") {
    return Interval{sum(a.least, -static_cast<__int128>(b.most)),
                    sum(a.most, -static_cast<__int128>(b.least))};
  }
  if (type == "Mul") {
    return multiplied(a, b);
  }
  if (type == "Div") {
    return divided(a, b);
  }
  if (type == "Max") {
    return Interval{std::max(a.least, b.least), std::max(a.most, b.most)};
  }
  return Interval{std::min(a.least, b.least), std::min(a.most, b.most)};
}

std::optional<Bounds> arithmetic(const Graph& graph, const Node& node) {
  const auto a = bounds_of(graph, node, 0), b = bounds_of(graph, node, 1);
  if (node.inputs.size() != 2 || !a || !b ||
      (a->size() != b->size() && a->size() != 1 && b->size() != 1)) {
    return std::nullopt;
  }
  Bounds result;
  // One element meets all of the other's, of which there may be none.
  const auto count = a->size() == 1 ? b->size() : a->size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto one =
        combined(node.type, (*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
    if (!one) {
      return std::nullopt;
    }
    result.push_back(*one);
  }
  return result;
}

/// Whichever is chosen.
std::optional<Bounds> where(const Graph& graph, const Node& node) {
  const auto a = bounds_of(graph, node, 1), b = bounds_of(graph, node, 2);
  if (!a || !b || a->size() != b->size()) {
    return std::nullopt;
  }
  Bounds result;
  for (std::size_t i = 0; i < a->size(); ++i) {
    result.push_back(
        {std::min((*a)[i].least, (*b)[i].least), std::max((*a)[i].most, (*b)[i].most)});
  }
  return result;
}

std::optional<Bounds> product(const Graph& graph, const Node& node) {
  const auto factors = bounds_of(graph, node, 0);
  if (!factors) {
    return std::nullopt;
  }
  Interval result{1, 1};
  for (const auto& factor : *factors) {
    result = multiplied(result, factor);
  }
  return Bounds{result};
}

std::optional<Bounds> bounds(const Graph& graph, const Node& node) {
  const std::string_view type = node.type;
  if (node.domain == "coinfer") {
    return type == "Assume" ? bounds_of(graph, node, 0) : std::nullopt;
  }
  if (!node.domain.empty() || node.inputs.empty() || !node.inputs[0]) {
    return std::nullopt;
  }
  if (type == "Shape") {
    return shape(graph, node);
  }
  if (type == "Gather") {
    return gather(graph, node);
  }
  if (type == "Concat") {
    return concat(graph, node);
  }
  if (type == "Slice") {
    return slice(graph, node);
  }
  if (type == "Where") {
    return where(graph, node);
  }
  if (type == "ReduceProd") {
    return product(graph, node);
  }
  for (const std::string_view view : {"Identity", "Unsqueeze", "Squeeze", "Reshape", "Cast"}) {
    if (type == view) {
      return bounds_of(graph, node, 0);
    }
  }
  for (const std::string_view binary : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) {
    if (type == binary) {
      return arithmetic(graph, node);
    }
  }
  return std::nullopt;
}

}  // namespace

void infer_bounds(Graph& graph, const Node& node) {
  if (node.outputs.size() != 1 || !node.outputs[0]) {
    return;
  }
  auto& value = graph[node.outputs[0]];
  if (value.constant || (value.type != ElementType::i64 && value.type != ElementType::i32) ||
      value.shape.is_dynamic() || value.shape.rank() > 1) {
    return;
  }
  const auto count = static_cast<std::size_t>(value.shape.to_shape().elements());
  if (count > most_elements) {
    return;
  }
  auto found = bounds(graph, node);
  if (found && found->size() == count) {
    value.bounds = std::make_shared<const Bounds>(std::move(*found));
  }
}

}  // namespace coinfer::passes
