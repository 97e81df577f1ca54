#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

std::string reduction_of(const graph::Attributes& attributes) {
  return attributes.text("reduction", "none");
}

void check_reduction(const InferContext& ctx) {
  const auto reduction = reduction_of(ctx.attributes());
  for (const auto* known : {"none", "add", "mul", "max", "min"}) {
    if (reduction == known) {
      return;
    }
  }
  ctx.fail(fmt::format("the attribute 'reduction' is '{}'; none, add, mul, max or min was expected",
                       reduction));
}

void check_types(const InferContext& ctx) {
  ctx.check_inputs(3, 3);
  check_reduction(ctx);
  ctx.check_type(1, {ElementType::i32, ElementType::i64});
  if (ctx.type(0) != ctx.type(2)) {
    ctx.fail(fmt::format("the updates are of type {}; {} was expected", name_of(ctx.type(2)),
                         name_of(ctx.type(0))));
  }
}

void infer_scatter_elements(InferContext& ctx) {
  check_types(ctx);
  const auto& data = ctx.shape(0);
  if (data.has_rank()) {
    const auto axis = static_cast<std::size_t>(
        normalize_axis(ctx, ctx.attributes().integer("axis", 0), data.rank()));
    ctx.check_rank(1, data.rank(), data.rank());
    const auto& indices = ctx.shape(1);
    for (std::size_t i = 0; i < data.dimensions().size() && indices.has_rank(); ++i) {
      if (i != axis && indices[i].min_length() > data[i].max_length()) {
        ctx.fail(fmt::format("the indices of shape {} do not lie in the data of shape {}",
                             indices.to_string(), data.to_string()));
      }
    }
  }
  if (!PartialShape::merge(ctx.shape(1), ctx.shape(2))) {
    ctx.fail(fmt::format("the updates have the shape {}; that of the indices, {}, was expected",
                         ctx.shape(2).to_string(), ctx.shape(1).to_string()));
  }
  ctx.output(0, ctx.type(0), data);
}

void infer_scatter_nd(InferContext& ctx) {
  check_types(ctx);
  const auto& data = ctx.shape(0);
  const auto& indices = ctx.shape(1);
  ctx.check_rank(1, 1, 64);
  if (data.has_rank() && indices.has_rank() && indices.dimensions().back().is_static()) {
    const auto depth = indices.dimensions().back().length();
    if (depth < 1 || depth > data.rank()) {
      ctx.fail(fmt::format("indices of shape {} do not fit data of shape {}", indices.to_string(),
                           data.to_string()));
    }
    PartialShape::Dimensions dims(indices.dimensions().begin(), indices.dimensions().end() - 1);
    dims.insert(dims.end(), data.dimensions().begin() + depth, data.dimensions().end());
    const PartialShape expected{std::move(dims)};
    if (!PartialShape::merge(expected, ctx.shape(2))) {
      ctx.fail(fmt::format("the updates have the shape {}; {} was expected",
                           ctx.shape(2).to_string(), expected.to_string()));
    }
  }
  ctx.output(0, ctx.type(0), data);
}

inline std::int64_t checked(std::int64_t index, std::int64_t extent) {
  const auto at = index < 0 ? index + extent : index;
  if (at < 0 || at >= extent) [[unlikely]] {
    throw Error(fmt::format("the index {} does not lie in an axis of {} elements", index, extent));
  }
  return at;
}

template <class T, class Index, class Combine>
Kernel scatter_elements_of(const KernelContext& ctx, Combine combine) {
  const auto data = ctx.shape(0);
  const auto shape = ctx.shape(1);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 0), data.rank()));
  const auto steps = kernels::strides_of(data);
  const auto size = data.elements();
  const auto count = shape.elements();
  return [=](const void* const* src, void* const* dst) {
    const auto* indices = static_cast<const Index*>(src[1]);
    const auto* updates = static_cast<const T*>(src[2]);
    auto* to = static_cast<T*>(dst[0]);
    std::copy_n(static_cast<const T*>(src[0]), size, to);
    Dims at(shape.size(), 0);
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t offset = 0;
      for (std::size_t k = 0; k < at.size(); ++k) {
        offset += (k == axis ? checked(indices[i], data[k]) : at[k]) * steps[k];
      }
      to[offset] = combine(to[offset], updates[i]);
      for (auto k = at.size(); k-- > 0 && ++at[k] == shape[k];) {
        at[k] = 0;
      }
    }
  };
}

template <class T, class Index, class Combine>
Kernel scatter_nd_of(const KernelContext& ctx, Combine combine) {
  const auto data = ctx.shape(0);
  const auto shape = ctx.shape(1);
  const auto depth = static_cast<std::size_t>(shape.back());
  const auto steps = kernels::strides_of(data);
  const auto size = data.elements();
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) {
    rows *= shape[i];
  }
  std::int64_t block = 1;
  for (std::size_t i = depth; i < data.size(); ++i) {
    block *= data[i];
  }
  return [=](const void* const* src, void* const* dst) {
    const auto* index = static_cast<const Index*>(src[1]);
    const auto* update = static_cast<const T*>(src[2]);
    auto* to = static_cast<T*>(dst[0]);
    std::copy_n(static_cast<const T*>(src[0]), size, to);
    for (std::int64_t row = 0; row < rows; ++row, index += depth, update += block) {
      std::int64_t offset = 0;
      for (std::size_t k = 0; k < depth; ++k) {
        offset += checked(index[k], data[k]) * steps[k];
      }
      for (std::int64_t i = 0; i < block; ++i) {
        to[offset + i] = combine(to[offset + i], update[i]);
      }
    }
  };
}

template <class T>
T combine_by(char how, T a, T b) {
  using A = std::conditional_t<std::is_integral_v<T>, std::uint64_t, wide_of<T>>;
  switch (how) {
    case '+':
      return static_cast<T>(static_cast<A>(a) + static_cast<A>(b));
    case '*':
      return static_cast<T>(static_cast<A>(a) * static_cast<A>(b));
    case '>':
      return static_cast<wide_of<T>>(b) > static_cast<wide_of<T>>(a) ? b : a;
    default:
      return static_cast<wide_of<T>>(b) < static_cast<wide_of<T>>(a) ? b : a;
  }
}

template <bool Nd, class T, class Combine>
Kernel scatter_of(const KernelContext& ctx, Combine combine) {
  Kernel kernel;
  with_index(ctx.type(1), [&]<class Index>(std::type_identity<Index>) {
    if constexpr (Nd) {
      kernel = scatter_nd_of<T, Index>(ctx, combine);
    } else {
      kernel = scatter_elements_of<T, Index>(ctx, combine);
    }
  });
  if (!kernel) {
    ctx.unsupported_type(ctx.type(1));
  }
  return kernel;
}

template <bool Nd>
Kernel scatter_kernel(const KernelContext& ctx) {
  const auto reduction = reduction_of(ctx.attributes());
  if (reduction == "none") {
    return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
      return scatter_of<Nd, T>(ctx, [](const T&, const T& update) { return update; });
    });
  }
  const char how = reduction == "add"   ? '+'
                   : reduction == "mul" ? '*'
                   : reduction == "max" ? '>'
                                        : '<';
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = scatter_of<Nd, T>(ctx, [how](T a, T b) { return combine_by<T>(how, a, b); });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register scatter{{.type = "Scatter",
                        .since = 9,
                        .infer = infer_scatter_elements,
                        .kernel = scatter_kernel<false>}};
const Register scatter_elements{{.type = "ScatterElements",
                                 .since = 11,
                                 .infer = infer_scatter_elements,
                                 .kernel = scatter_kernel<false>}};
const Register scatter_nd{
    {.type = "ScatterND", .since = 11, .infer = infer_scatter_nd, .kernel = scatter_kernel<true>}};

}  // namespace
}  // namespace coinfer::ops
