#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

/// An i32 or i64 tensor of rank 0 or 1 as integers; nullopt when it is of another kind.
std::optional<std::vector<std::int64_t>> to_integers(const Tensor& tensor) {
  if (tensor.shape().size() > 1 || !tensor.is_continuous()) {
    return std::nullopt;
  }
  const auto count = tensor.size();
  switch (tensor.type()) {
    case ElementType::i64:
      return std::vector<std::int64_t>(tensor.data<std::int64_t>(),
                                       tensor.data<std::int64_t>() + count);
    case ElementType::i32:
      return std::vector<std::int64_t>(tensor.data<std::int32_t>(),
                                       tensor.data<std::int32_t>() + count);
    default:
      return std::nullopt;
  }
}

[[noreturn]] void fail_at(const graph::Node& node, const std::string& text) {
  throw Error(fmt::format("{} ({})", text, graph::describe(node)));
}

graph::ValueId input_of(const graph::Node& node, std::size_t i) {
  if (!node.has_input(i)) {
    fail_at(node, fmt::format("the input {} is missing", i));
  }
  return node.inputs[i];
}

graph::ValueId output_of(const graph::Node& node, std::size_t i) {
  if (i >= node.outputs.size() || !node.outputs[i]) {
    fail_at(node, fmt::format("the output {} is missing", i));
  }
  return node.outputs[i];
}

[[noreturn]] void fail_integers(const graph::Node& node, std::size_t i, const Tensor& value) {
  fail_at(node,
          fmt::format("the input {} is a {} tensor of shape {}; i32 or i64 of rank 0 or 1 was "
                      "expected",
                      i, name_of(value.type()), value.shape().to_string()));
}

[[noreturn]] void fail_type(const graph::Node& node, ElementType type) {
  throw Unsupported(fmt::format("the element type {} is not supported here ({})", name_of(type),
                                graph::describe(node)));
}

Shape static_shape(const graph::Node& node, const graph::Value& value) {
  if (value.shape.is_dynamic()) {
    fail_at(node,
            fmt::format("the shape {} of '{}' is not known", value.shape.to_string(), value.name));
  }
  return value.shape.to_shape();
}

}  // namespace

ElementType InferContext::type(std::size_t i) const { return graph_[input_of(node_, i)].type; }

const PartialShape& InferContext::shape(std::size_t i) const {
  return graph_[input_of(node_, i)].shape;
}

Tensor InferContext::value(std::size_t i) {
  const auto& value = graph_[input_of(node_, i)];
  if (!value.constant && std::find(wanted_.begin(), wanted_.end(), i) == wanted_.end()) {
    wanted_.push_back(i);
  }
  return value.constant;
}

std::optional<std::vector<std::int64_t>> InferContext::integers(std::size_t i) {
  const auto tensor = value(i);
  if (!tensor) {
    return std::nullopt;
  }
  auto list = to_integers(tensor);
  if (!list) {
    fail_integers(node_, i, tensor);
  }
  return list;
}

std::optional<std::vector<graph::Interval>> InferContext::bounds(std::size_t i) const {
  return has(i) ? bounds_of(graph_[node_.inputs[i]]) : std::nullopt;
}

InferContext::Integers InferContext::integers(std::string_view attribute, std::size_t i) {
  if (auto list = attributes().integers(attribute)) {
    return {true, std::move(list)};
  }
  if (has(i)) {
    return {true, integers(i)};
  }
  return {};
}

void InferContext::output(std::size_t i, ElementType type, PartialShape shape) {
  if (i >= node_.outputs.size() || !node_.outputs[i]) {
    return;
  }
  if (shape.is_static()) {
    std::int64_t bytes = 0;
    const auto extents = shape.to_shape();
    // elements() throws for a product that overflows, except when a later extent is zero.
    std::int64_t elements = 1;
    for (const auto extent : extents) {
      if (__builtin_mul_overflow(elements, std::max<std::int64_t>(extent, 1), &elements)) {
        fail(fmt::format("the output shape {} has more elements than can be counted",
                         shape.to_string()));
      }
    }
    if (__builtin_mul_overflow(elements, static_cast<std::int64_t>(size_of(type)), &bytes)) {
      fail(fmt::format("an output of shape {} is too large", shape.to_string()));
    }
  }
  auto& value = graph_[node_.outputs[i]];
  value.type = type;
  value.shape = std::move(shape);
}

void InferContext::known(std::size_t i, Tensor value) {
  if (i >= node_.outputs.size() || !node_.outputs[i]) {
    return;
  }
  output(i, value.type(), PartialShape{value.shape()});
  graph_[node_.outputs[i]].constant = std::move(value);
}

void InferContext::fail(const std::string& text) const { fail_at(node_, text); }

void InferContext::unsupported_type(ElementType type) const { fail_type(node_, type); }

void InferContext::check_inputs(std::size_t min, std::size_t max) const {
  if (node_.inputs.size() > max) {
    fail(fmt::format("{} inputs were given; at most {} were expected", node_.inputs.size(), max));
  }
  for (std::size_t i = 0; i < min; ++i) {
    input_of(node_, i);
  }
}

void InferContext::check_type(std::size_t i, std::initializer_list<ElementType> types) const {
  const auto came = type(i);
  if (came == ElementType::dynamic || std::find(types.begin(), types.end(), came) != types.end()) {
    return;
  }
  std::vector<std::string_view> names;
  for (const auto expected : types) {
    names.push_back(name_of(expected));
  }
  fail(fmt::format("the input {} is of type {}; {} was expected", i, name_of(came),
                   fmt::join(names, " or ")));
}

void InferContext::check_rank(std::size_t i, std::int64_t min, std::int64_t max) const {
  const auto& came = shape(i);
  if (came.has_rank() && (came.rank() < min || came.rank() > max)) {
    const auto expected = min == max ? std::to_string(min) : fmt::format("{} to {}", min, max);
    fail(fmt::format("the input {} has the shape {}; the rank {} was expected", i, came.to_string(),
                     expected));
  }
}

ElementType KernelContext::type(std::size_t i) const { return graph_[input_of(node_, i)].type; }

Shape KernelContext::shape(std::size_t i) const {
  return static_shape(node_, graph_[input_of(node_, i)]);
}

ElementType KernelContext::output_type(std::size_t i) const {
  return graph_[output_of(node_, i)].type;
}

Shape KernelContext::output_shape(std::size_t i) const {
  return static_shape(node_, graph_[output_of(node_, i)]);
}

Tensor KernelContext::value(std::size_t i) const {
  return has(i) ? graph_[node_.inputs[i]].constant : Tensor{};
}

std::optional<std::vector<std::int64_t>> KernelContext::integers(std::string_view attribute,
                                                                 std::size_t i) const {
  if (auto list = attributes().integers(attribute)) {
    return list;
  }
  const auto tensor = value(i);
  if (!tensor) {
    return std::nullopt;
  }
  auto list = to_integers(tensor);
  if (!list) {
    fail_integers(node_, i, tensor);
  }
  return list;
}

void KernelContext::fail(const std::string& text) const { fail_at(node_, text); }

void KernelContext::unsupported_type(ElementType type) const { fail_type(node_, type); }

std::optional<std::vector<graph::Interval>> bounds_of(const graph::Value& value) {
  if (!value.constant) {
    return value.bounds ? std::optional{*value.bounds} : std::nullopt;
  }
  const auto values = to_integers(value.constant);
  if (!values) {
    return std::nullopt;
  }
  std::vector<graph::Interval> bounds;
  for (const auto one : *values) {
    bounds.push_back({one, one});
  }
  return bounds;
}

Dimension extent_of(const graph::Interval& interval) {
  if (interval.least < 0) {
    return Dimension{};
  }
  // What is larger comes from an extent without bound.
  constexpr auto largest = std::int64_t{1} << 48;
  return Dimension{interval.least, interval.most > largest ? Dimension::unbounded : interval.most};
}

PartialShape broadcast(const InferContext& ctx, const PartialShape& a, const PartialShape& b) {
  if (!a.has_rank() || !b.has_rank()) {
    return PartialShape::dynamic();
  }
  const auto rank = std::max(a.dimensions().size(), b.dimensions().size());
  const auto extent = [rank](const PartialShape& shape, std::size_t i) -> Dimension {
    const auto missing = rank - shape.dimensions().size();
    return i < missing ? Dimension{1} : shape[i - missing];
  };
  PartialShape result = PartialShape::dynamic(static_cast<std::int64_t>(rank));
  for (std::size_t i = 0; i < rank; ++i) {
    const auto x = extent(a, i);
    const auto y = extent(b, i);
    if (x == Dimension{1}) {
      result[i] = y;
    } else if (y == Dimension{1}) {
      result[i] = x;
    } else if (x.contains(1) || y.contains(1)) {
      // Only an extent that cannot be 1 decides.
      if (!x.contains(1)) {
        result[i] = x;
      } else if (!y.contains(1)) {
        result[i] = y;
      } else {
        const auto none = std::min(x.min_length(), y.min_length()) == 0;
        result[i] = Dimension{none ? 0 : std::max(x.min_length(), y.min_length()),
                              std::max(x.max_length(), y.max_length())};
      }
    } else if (const auto both = Dimension::merge(x, y)) {
      result[i] = *both;
    } else {
      ctx.fail(fmt::format("the shapes {} and {} do not broadcast", a.to_string(), b.to_string()));
    }
  }
  return result;
}

PartialShape broadcast(const InferContext& ctx, std::size_t a, std::size_t b) {
  return broadcast(ctx, ctx.shape(a), ctx.shape(b));
}

}  // namespace coinfer::ops
