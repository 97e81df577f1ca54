#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_gather(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(1, {ElementType::i32, ElementType::i64});
  const auto& data = ctx.shape(0);
  const auto& indices = ctx.shape(1);
  if (!data.has_rank() || !indices.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto axis = normalize_axis(ctx, ctx.attributes().integer("axis", 0), data.rank());
  PartialShape::Dimensions dims(data.dimensions().begin(), data.dimensions().begin() + axis);
  dims.insert(dims.end(), indices.dimensions().begin(), indices.dimensions().end());
  dims.insert(dims.end(), data.dimensions().begin() + axis + 1, data.dimensions().end());
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

/// `index` counted from the front; throws Error when it does not lie in [-extent, extent).
inline std::int64_t checked(std::int64_t index, std::int64_t extent) {
  const auto at = index < 0 ? index + extent : index;
  if (at < 0 || at >= extent) [[unlikely]] {
    throw Error(fmt::format("the index {} does not lie in an axis of {} elements", index, extent));
  }
  return at;
}

/// data [outer, extent, block] by indices [count] -> [outer, count, block].
template <class T, class Index>
Kernel gather_of(std::int64_t outer, std::int64_t extent, std::int64_t block, std::int64_t count) {
  if (block == 1) {
    return [=](const void* const* src, void* const* dst) {
      const auto* data = static_cast<const T*>(src[0]);
      const auto* indices = static_cast<const Index*>(src[1]);
      auto* d = static_cast<T*>(dst[0]);
      for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t i = 0; i < count; ++i) {
          *d++ = data[o * extent + checked(indices[i], extent)];
        }
      }
    };
  }
  return [=](const void* const* src, void* const* dst) {
    const auto* data = static_cast<const T*>(src[0]);
    const auto* indices = static_cast<const Index*>(src[1]);
    auto* d = static_cast<T*>(dst[0]);
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < count; ++i, d += block) {
        std::copy_n(data + (o * extent + checked(indices[i], extent)) * block, block, d);
      }
    }
  };
}

Kernel gather_kernel(const KernelContext& ctx) {
  const auto data = ctx.shape(0);
  const auto axis = normalize_axis(ctx, ctx.attributes().integer("axis", 0), data.rank());
  std::int64_t outer = 1;
  std::int64_t block = 1;
  for (std::int64_t i = 0; i < data.rank(); ++i) {
    (i < axis ? outer : block) *= i == axis ? 1 : data[static_cast<std::size_t>(i)];
  }
  const auto extent = data[static_cast<std::size_t>(axis)];
  const auto count = ctx.shape(1).elements();
  Kernel kernel;
  if (!with_index(ctx.type(1), [&]<class Index>(std::type_identity<Index>) {
        kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) {
          kernel = gather_of<T, Index>(outer, extent, block, count);
        });
      })) {
    ctx.unsupported_type(ctx.type(1));
  }
  return kernel;
}

void infer_gather_elements(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(1, {ElementType::i32, ElementType::i64});
  const auto& data = ctx.shape(0);
  const auto& indices = ctx.shape(1);
  if (data.has_rank()) {
    const auto axis = normalize_axis(ctx, ctx.attributes().integer("axis", 0), data.rank());
    ctx.check_rank(1, data.rank(), data.rank());
    for (std::int64_t i = 0; i < data.rank() && indices.has_rank(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (i != axis && indices[at].min_length() > data[at].max_length()) {
        ctx.fail(fmt::format("the indices of shape {} do not lie in the data of shape {}",
                             indices.to_string(), data.to_string()));
      }
    }
  }
  ctx.output(0, ctx.type(0), indices);
}

Kernel gather_elements_kernel(const KernelContext& ctx) {
  const auto data = ctx.shape(0);
  const auto shape = ctx.shape(1);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 0), data.rank()));
  const auto steps = kernels::strides_of(data);
  const auto count = shape.elements();
  Kernel kernel;
  if (!with_index(ctx.type(1), [&]<class Index>(std::type_identity<Index>) {
        kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) {
          kernel = [=](const void* const* src, void* const* dst) {
            const auto* from = static_cast<const T*>(src[0]);
            const auto* indices = static_cast<const Index*>(src[1]);
            auto* to = static_cast<T*>(dst[0]);
            Dims at(shape.size(), 0);
            for (std::int64_t i = 0; i < count; ++i) {
              std::int64_t offset = 0;
              for (std::size_t k = 0; k < at.size(); ++k) {
                offset += (k == axis ? checked(indices[i], data[k]) : at[k]) * steps[k];
              }
              to[i] = from[offset];
              for (auto k = at.size(); k-- > 0 && ++at[k] == shape[k];) {
                at[k] = 0;
              }
            }
          };
        });
      })) {
    ctx.unsupported_type(ctx.type(1));
  }
  return kernel;
}

void infer_gather_nd(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(1, {ElementType::i64});
  const auto& data = ctx.shape(0);
  const auto& indices = ctx.shape(1);
  const auto batch = ctx.attributes().integer("batch_dims", 0);
  if (!data.has_rank() || !indices.has_rank() || indices.rank() == 0 ||
      indices.dimensions().back().is_dynamic()) {
    ctx.check_rank(1, 1, 64);
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto depth = indices.dimensions().back().length();
  if (batch < 0 || batch >= indices.rank() || batch > data.rank() || depth < 1 ||
      depth > data.rank() - batch) {
    ctx.fail(fmt::format("indices of shape {} with {} batch dimensions do not fit data of shape {}",
                         indices.to_string(), batch, data.to_string()));
  }
  PartialShape::Dimensions dims(indices.dimensions().begin(), indices.dimensions().end() - 1);
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto both = Dimension::merge(indices[at], data[at]);
    if (!both) {
      ctx.fail(fmt::format("the batch dimensions of {} and {} differ", data.to_string(),
                           indices.to_string()));
    }
    dims[at] = *both;
  }
  dims.insert(dims.end(), data.dimensions().begin() + batch + depth, data.dimensions().end());
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

Kernel gather_nd_kernel(const KernelContext& ctx) {
  const auto data = ctx.shape(0);
  const auto shape = ctx.shape(1);
  const auto batch = static_cast<std::size_t>(ctx.attributes().integer("batch_dims", 0));
  const auto depth = static_cast<std::size_t>(shape.back());
  const auto steps = kernels::strides_of(data);
  std::int64_t batches = 1;
  for (std::size_t i = 0; i < batch; ++i) {
    batches *= data[i];
  }
  std::int64_t rows = 1;
  for (std::size_t i = batch; i + 1 < shape.size(); ++i) {
    rows *= shape[i];
  }
  std::int64_t block = 1;
  for (std::size_t i = batch + depth; i < data.size(); ++i) {
    block *= data[i];
  }
  std::int64_t batch_step = 1;
  for (std::size_t i = batch; i < data.size(); ++i) {
    batch_step *= data[i];
  }
  return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
    return [=](const void* const* src, void* const* dst) {
      const auto* index = static_cast<const std::int64_t*>(src[1]);
      auto* to = static_cast<T*>(dst[0]);
      for (std::int64_t b = 0; b < batches; ++b) {
        const auto* from = static_cast<const T*>(src[0]) + b * batch_step;
        for (std::int64_t row = 0; row < rows; ++row, index += depth, to += block) {
          std::int64_t offset = 0;
          for (std::size_t k = 0; k < depth; ++k) {
            offset += checked(index[k], data[batch + k]) * steps[batch + k];
          }
          std::copy_n(from + offset, block, to);
        }
      }
    };
  });
}

const Register gather{{.type = "Gather", .infer = infer_gather, .kernel = gather_kernel}};
const Register gather_elements{{.type = "GatherElements",
                                .since = 11,
                                .infer = infer_gather_elements,
                                .kernel = gather_elements_kernel}};
const Register gather_nd{
    {.type = "GatherND", .since = 11, .infer = infer_gather_nd, .kernel = gather_nd_kernel}};

}  // namespace
}  // namespace coinfer::ops
