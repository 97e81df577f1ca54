// Operators whose output shapes depend on the values of their inputs.
#include <cmath>
#include <numeric>

#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

[[noreturn]] void fail(const graph::Node& node, const std::string& text) {
  throw Error(fmt::format("{} ({})", text, graph::describe(node)));
}

void infer_non_zero(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto& shape = ctx.shape(0);
  ctx.output(0, ElementType::i64,
             PartialShape{shape.has_rank() ? Dimension{shape.rank()} : Dimension{}, Dimension{}});
}

template <class T>
bool is_zero(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value.empty();
  } else {
    return static_cast<wide_of<T>>(value) == 0;
  }
}

/// Calls f with the C++ type of any element type.
template <class F>
void with_any(const graph::Node& node, ElementType type, F f) {
  if (type == ElementType::boolean) {
    f(std::type_identity<bool>{});
  } else if (type == ElementType::string) {
    f(std::type_identity<std::string>{});
  } else if (!with_number(type, f)) {
    fail(node, "the element type is not known");
  }
}

std::vector<Tensor> non_zero(const graph::Node& node, std::span<const Tensor> inputs) {
  const auto& x = inputs[0];
  std::vector<std::int64_t> found;
  with_any(node, x.type(), [&]<class T>(std::type_identity<T>) {
    for (std::int64_t i = 0; i < x.size(); ++i) {
      if (!is_zero(x.data<T>()[i])) {
        found.push_back(i);
      }
    }
  });
  const auto rank = x.shape().rank();
  const auto count = static_cast<std::int64_t>(found.size());
  Tensor result{ElementType::i64, Shape{rank, count}};
  const auto steps = kernels::strides_of(x.shape());
  auto* d = result.data<std::int64_t>();
  for (std::size_t k = 0; k < x.shape().size(); ++k) {
    for (const auto at : found) {
      *d++ = at / steps[k] % x.shape()[k];
    }
  }
  return {result};
}

void infer_compress(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(1, {ElementType::boolean});
  ctx.check_rank(1, 1, 1);
  auto shape = ctx.shape(0);
  if (!ctx.attributes().has("axis")) {
    shape = PartialShape::dynamic(1);
  } else if (shape.has_rank()) {
    const auto axis = static_cast<std::size_t>(
        normalize_axis(ctx, ctx.attributes().integer("axis", 0), shape.rank()));
    shape[axis] = Dimension{0, shape[axis].max_length()};
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

/// The slices `chosen` of an axis of x, which is seen as [outer, extent, block].
Tensor take(const Tensor& x, std::size_t axis, const std::vector<std::int64_t>& chosen) {
  auto shape = x.shape();
  std::int64_t outer = 1;
  std::int64_t block = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? outer : block) *= i == axis ? 1 : shape[i];
  }
  const auto extent = shape[axis];
  shape[axis] = static_cast<std::int64_t>(chosen.size());
  Tensor result{x.type(), shape};
  kernels::with_width(x.type(), [&]<class T>(std::type_identity<T>) {
    auto* d = result.data<T>();
    for (std::int64_t o = 0; o < outer; ++o) {
      for (const auto at : chosen) {
        d = std::copy_n(x.data<T>() + (o * extent + at) * block, block, d);
      }
    }
  });
  return result;
}

/// x as one row of its elements.
Tensor flat(const Tensor& x) {
  return Tensor{x.type(), Shape{x.size()}, x.memory(),
                static_cast<std::size_t>(static_cast<std::byte*>(x.data()) - x.memory()->data())};
}

std::size_t axis_of(const graph::Node& node, const Tensor& x) {
  const auto rank = x.shape().rank();
  const auto axis = node.attributes.integer("axis", 0);
  if (axis < -rank || axis >= rank) {
    fail(node, fmt::format("the axis {} does not lie in a tensor of rank {}", axis, rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
}

std::vector<Tensor> compress(const graph::Node& node, std::span<const Tensor> inputs) {
  const bool by_axis = node.attributes.has("axis");
  const auto x = by_axis ? inputs[0] : flat(inputs[0]);
  const auto axis = by_axis ? axis_of(node, x) : 0;
  const auto extent = x.shape()[axis];
  const auto* condition = inputs[1].data<bool>();
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < std::min(extent, inputs[1].size()); ++i) {
    if (condition[i]) {
      chosen.push_back(i);
    }
  }
  return {take(x, axis, chosen)};
}

void infer_unique(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  auto shape = ctx.shape(0);
  if (!ctx.attributes().has("axis")) {
    shape = PartialShape::dynamic(1);
  } else if (shape.has_rank()) {
    const auto axis = static_cast<std::size_t>(
        normalize_axis(ctx, ctx.attributes().integer("axis", 0), shape.rank()));
    shape[axis] = Dimension{0, shape[axis].max_length()};
  }
  const auto type = ctx.type(0);
  ctx.output(0, type, std::move(shape));
  for (std::size_t i = 1; i < 4; ++i) {
    ctx.output(i, ElementType::i64, PartialShape::dynamic(1));
  }
}

/// Three-way order with NaNs, equal to each other, at the end.
template <class T>
int compare(const T& a, const T& b) {
  if constexpr (is_real<T>) {
    const auto x = static_cast<wide_of<T>>(a);
    const auto y = static_cast<wide_of<T>>(b);
    if (std::isnan(x) || std::isnan(y)) {
      return (std::isnan(x) ? 1 : 0) - (std::isnan(y) ? 1 : 0);
    }
    return (x > y) - (x < y);
  } else {
    return (a > b) - (a < b);
  }
}

std::vector<Tensor> unique(const graph::Node& node, std::span<const Tensor> inputs) {
  const bool by_axis = node.attributes.has("axis");
  const bool sorted = node.attributes.integer("sorted", 1) != 0;
  const auto x = by_axis ? inputs[0] : flat(inputs[0]);
  const auto axis = by_axis ? axis_of(node, x) : 0;
  std::int64_t outer = 1;
  std::int64_t block = 1;
  for (std::size_t i = 0; i < x.shape().size(); ++i) {
    (i < axis ? outer : block) *= i == axis ? 1 : x.shape()[i];
  }
  const auto extent = x.shape()[axis];
  // Slices ordered by content, equal ones by place.
  std::vector<std::int64_t> order(static_cast<std::size_t>(extent));
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::int64_t> group(order.size());  // of each slice, in the order of contents
  std::vector<std::int64_t> first;                // slice of each group
  with_any(node, x.type(), [&]<class T>(std::type_identity<T>) {
    const auto slices = [&](std::int64_t a, std::int64_t b) {
      for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t i = 0; i < block; ++i) {
          const auto order_of = compare(x.data<T>()[(o * extent + a) * block + i],
                                        x.data<T>()[(o * extent + b) * block + i]);
          if (order_of != 0) {
            return order_of;
          }
        }
      }
      return 0;
    };
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      const auto contents = slices(a, b);
      return contents != 0 ? contents < 0 : a < b;
    });
    for (const auto at : order) {
      if (first.empty() || slices(first.back(), at) != 0) {
        first.push_back(at);
      }
      group[static_cast<std::size_t>(at)] = static_cast<std::int64_t>(first.size()) - 1;
    }
  });
  if (!sorted) {
    // Groups in the order of their first slices.
    std::vector<std::int64_t> by_place(first.size());
    std::iota(by_place.begin(), by_place.end(), 0);
    std::sort(by_place.begin(), by_place.end(), [&](std::int64_t a, std::int64_t b) {
      return first[static_cast<std::size_t>(a)] < first[static_cast<std::size_t>(b)];
    });
    std::vector<std::int64_t> rank(first.size());
    std::vector<std::int64_t> sorted_first;
    for (std::size_t i = 0; i < by_place.size(); ++i) {
      rank[static_cast<std::size_t>(by_place[i])] = static_cast<std::int64_t>(i);
      sorted_first.push_back(first[static_cast<std::size_t>(by_place[i])]);
    }
    first = std::move(sorted_first);
    for (auto& at : group) {
      at = rank[static_cast<std::size_t>(at)];
    }
  }
  std::vector<std::int64_t> counts(first.size(), 0);
  for (const auto at : group) {
    ++counts[static_cast<std::size_t>(at)];
  }
  return {take(x, axis, first), Tensor::vector<std::int64_t>(first),
          Tensor::vector<std::int64_t>(group), Tensor::vector<std::int64_t>(counts)};
}

const Register non_zero_op{
    {.type = "NonZero", .since = 9, .infer = infer_non_zero, .evaluate = non_zero}};
const Register compress_op{
    {.type = "Compress", .since = 9, .infer = infer_compress, .evaluate = compress}};
const Register unique_op{
    {.type = "Unique", .since = 11, .infer = infer_unique, .evaluate = unique}};

}  // namespace
}  // namespace coinfer::ops
