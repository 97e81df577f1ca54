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

/// to[i] = to[i] combined with update[i], for i < count.
using Combine = void (*)(void* to, const void* update, std::int64_t count);

/// What scattering does to elements of one type.
struct Elements {
  std::int64_t width = 0;
  Combine copy = nullptr;
  Combine combine = nullptr;
};

template <class Index>
Kernel scatter_elements_of(const KernelContext& ctx, const Elements& elements) {
  const auto data = ctx.shape(0);
  const auto shape = ctx.shape(1);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 0), data.rank()));
  const auto steps = kernels::strides_of(data);
  const auto size = data.elements();
  const auto count = shape.elements();
  return [=](const void* const* src, void* const* dst) {
    const auto* indices = static_cast<const Index*>(src[1]);
    const auto* update = static_cast<const std::byte*>(src[2]);
    auto* to = static_cast<std::byte*>(dst[0]);
    elements.copy(to, src[0], size);
    Dims at(shape.size(), 0);
    for (std::int64_t i = 0; i < count; ++i, update += elements.width) {
      std::int64_t offset = 0;
      for (std::size_t k = 0; k < at.size(); ++k) {
        offset += (k == axis ? checked(indices[i], data[k]) : at[k]) * steps[k];
      }
      elements.combine(to + offset * elements.width, update, 1);
      for (auto k = at.size(); k > 0; --k) {
        if (++at[k - 1] < shape[k - 1]) {
          break;
        }
        at[k - 1] = 0;
      }
    }
  };
}

template <class Index>
Kernel scatter_nd_of(const KernelContext& ctx, const Elements& elements) {
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
    const auto* update = static_cast<const std::byte*>(src[2]);
    auto* to = static_cast<std::byte*>(dst[0]);
    elements.copy(to, src[0], size);
    for (std::int64_t row = 0; row < rows; ++row, index += depth) {
      std::int64_t offset = 0;
      for (std::size_t k = 0; k < depth; ++k) {
        offset += checked(index[k], data[k]) * steps[k];
      }
      elements.combine(to + offset * elements.width, update, block);
      update += block * elements.width;
    }
  };
}

template <class T>
void copy_elements(void* to, const void* update, std::int64_t count) {
  std::copy_n(static_cast<const T*>(update), count, static_cast<T*>(to));
}

// Sums and products of integers are modulo 2^64: overflow is no undefined behaviour.
template <class T>
using sum_of = std::conditional_t<std::is_integral_v<T>, std::uint64_t, wide_of<T>>;

struct Add {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<sum_of<T>>(a) + static_cast<sum_of<T>>(b));
  }
};
struct Multiply {
  template <class T>
  static T of(T a, T b) {
    return static_cast<T>(static_cast<sum_of<T>>(a) * static_cast<sum_of<T>>(b));
  }
};
struct Greater {
  template <class T>
  static T of(T a, T b) {
    return static_cast<wide_of<T>>(b) > static_cast<wide_of<T>>(a) ? b : a;
  }
};
struct Less {
  template <class T>
  static T of(T a, T b) {
    return static_cast<wide_of<T>>(b) < static_cast<wide_of<T>>(a) ? b : a;
  }
};

template <class Reduction, class T>
void combine_elements(void* to, const void* update, std::int64_t count) {
  auto* d = static_cast<T*>(to);
  const auto* from = static_cast<const T*>(update);
  for (std::int64_t i = 0; i < count; ++i) {
    d[i] = Reduction::template of<T>(d[i], from[i]);
  }
}

Elements elements_of(const KernelContext& ctx) {
  const auto type = ctx.type(0);
  auto elements = kernels::with_width(type, []<class T>(std::type_identity<T>) {
    return Elements{sizeof(T), copy_elements<T>, copy_elements<T>};
  });
  const auto reduction = reduction_of(ctx.attributes());
  if (reduction == "none") {
    return elements;
  }
  if (!with_number(type, [&]<class T>(std::type_identity<T>) {
        elements.combine = reduction == "add"   ? combine_elements<Add, T>
                           : reduction == "mul" ? combine_elements<Multiply, T>
                           : reduction == "max" ? combine_elements<Greater, T>
                                                : combine_elements<Less, T>;
      })) {
    ctx.unsupported_type(type);
  }
  return elements;
}

template <bool Nd>
Kernel scatter_kernel(const KernelContext& ctx) {
  const auto elements = elements_of(ctx);
  Kernel kernel;
  with_index(ctx.type(1), [&]<class Index>(std::type_identity<Index>) {
    kernel = Nd ? scatter_nd_of<Index>(ctx, elements) : scatter_elements_of<Index>(ctx, elements);
  });
  if (!kernel) {
    ctx.unsupported_type(ctx.type(1));
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
