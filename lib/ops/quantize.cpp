#include "kernels/quantize.hpp"

#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

/// How scales lie over the data: seen as [outer, extent, inner] around the axis.
struct Scales {
  enum class Kind : std::uint8_t { tensor, axis, block } kind = Kind::tensor;
  std::int64_t outer = 1;
  std::int64_t extent = 1;
  std::int64_t inner = 1;
  std::int64_t block = 1;

  /// Index of the first scale of a row; in blocks each element of a row has its own.
  std::int64_t at(std::int64_t o, std::int64_t k) const {
    switch (kind) {
      case Kind::tensor:
        return 0;
      case Kind::axis:
        return k;
      default:
        return (o * ((extent + block - 1) / block) + k / block) * inner;
    }
  }
};

template <class Context>
Scales scales_of(const Context& ctx, const Shape& data, const Shape& scale) {
  Scales scales;
  const auto block = ctx.attributes().integer("block_size", 0);
  const bool one = scale.elements() == 1 && block == 0;
  if (one) {
    scales.inner = data.elements();
    return scales;
  }
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 1), data.rank()));
  for (std::size_t i = 0; i < data.size(); ++i) {
    (i < axis ? scales.outer : scales.inner) *= i == axis ? 1 : data[i];
  }
  scales.extent = data[axis];
  bool fits = false;
  if (block > 0) {
    scales.kind = Scales::Kind::block;
    scales.block = block;
    auto expected = data;
    expected[axis] = data[axis] / block + (data[axis] % block != 0 ? 1 : 0);
    fits = scale == expected;
  } else {
    scales.kind = Scales::Kind::axis;
    fits = block == 0 && scale == Shape{data[axis]};
  }
  if (!fits) {
    ctx.fail(fmt::format("the scale of shape {} does not fit data of shape {} (axis {}, block {})",
                         scale.to_string(), data.to_string(), axis, block));
  }
  return scales;
}

void check_scales(InferContext& ctx) {
  ctx.check_inputs(2, 3);
  if (ctx.has(2) && !PartialShape::merge(ctx.shape(1), ctx.shape(2))) {
    ctx.fail(fmt::format("the zero point has the shape {}; that of the scale, {}, was expected",
                         ctx.shape(2).to_string(), ctx.shape(1).to_string()));
  }
  if (ctx.shape(0).is_static() && ctx.shape(1).is_static()) {
    scales_of(ctx, ctx.shape(0).to_shape(), ctx.shape(1).to_shape());
  }
}

ElementType named_type(InferContext& ctx) {
  const auto number = ctx.attributes().integer("output_dtype", 0);
  const auto type = from_onnx_type(number);
  if (number != 0 && type == ElementType::dynamic) {
    throw Unsupported(fmt::format("ONNX's data type {} is not supported ({})", number,
                                  graph::describe(ctx.node())));
  }
  return type;
}

void infer_quantize(InferContext& ctx) {
  check_scales(ctx);
  auto type = named_type(ctx);
  if (ctx.has(2)) {
    if (type != ElementType::dynamic && type != ctx.type(2)) {
      ctx.fail(fmt::format("output_dtype is {}, but the zero point is of type {}", name_of(type),
                           name_of(ctx.type(2))));
    }
    type = ctx.type(2);
  }
  ctx.output(0, type == ElementType::dynamic ? ElementType::u8 : type, ctx.shape(0));
}

void infer_dequantize(InferContext& ctx) {
  check_scales(ctx);
  if (ctx.has(2) && ctx.type(2) != ctx.type(0)) {
    ctx.fail(fmt::format("the zero point is of type {}; {} was expected", name_of(ctx.type(2)),
                         name_of(ctx.type(0))));
  }
  const auto type = named_type(ctx);
  ctx.output(0, type == ElementType::dynamic ? ctx.type(1) : type, ctx.shape(0));
}

template <class Q>
Q saturate(float value) {
  constexpr auto low = static_cast<float>(std::numeric_limits<Q>::min());
  constexpr auto high = static_cast<float>(std::numeric_limits<Q>::max());
  return static_cast<Q>(std::min(high, std::max(low, value)));  // in this order a NaN gives low
}

/// Scales of any of their types as floats: `count` of them from index `at`. Returns where they lie.
using LoadScales = const float* (*)(const void* scales, std::int64_t at, std::int64_t count,
                                    float* buffer);

template <class S>
const float* load_scales(const void* scales, std::int64_t at, std::int64_t count, float* buffer) {
  const auto* from = static_cast<const S*>(scales) + at;
  if constexpr (std::is_same_v<S, float>) {
    return from;
  } else {
    std::copy_n(from, count, buffer);
    return buffer;
  }
}

/// Elements whose scales are converted at a time.
constexpr std::int64_t chunk = 256;

/// Calls row(count, offset, index of its first scale, step of the scales, scales) for rows of at
/// most `chunk` elements.
template <class Row>
void each_row(const Scales& scales, LoadScales load, const void* src, Row row) {
  const std::int64_t step = scales.kind == Scales::Kind::block ? 1 : 0;
  float buffer[chunk];
  for (std::int64_t o = 0; o < scales.outer; ++o) {
    for (std::int64_t k = 0; k < scales.extent; ++k) {
      const auto at = (o * scales.extent + k) * scales.inner;
      for (std::int64_t i = 0; i < scales.inner; i += chunk) {
        const auto count = std::min(chunk, scales.inner - i);
        const auto first = scales.at(o, k) + i * step;
        row(count, at + i, first, step, load(src, first, step == 0 ? 1 : count, buffer));
      }
    }
  }
}

template <class T, class Q>
Kernel quantize_of(const Scales& scales, LoadScales load) {
  return [scales, load](const void* const* src, void* const* dst) {
    const auto* zeros = static_cast<const Q*>(src[2]);
    each_row(scales, load, src[1],
             [&](std::int64_t count, std::int64_t at, std::int64_t first, std::int64_t step,
                 const float* scale) {
               const auto* x = static_cast<const T*>(src[0]) + at;
               auto* d = static_cast<Q*>(dst[0]) + at;
               for (std::int64_t i = 0; i < count; ++i) {
                 const auto zero =
                     zeros == nullptr ? 0.0F : static_cast<float>(zeros[first + i * step]);
                 const auto ratio = static_cast<float>(x[i]) / scale[i * step];
                 d[i] = saturate<Q>(std::nearbyint(ratio) + zero);
               }
             });
  };
}

template <class Q, class R>
Kernel dequantize_of(const Scales& scales, LoadScales load) {
  return [scales, load](const void* const* src, void* const* dst) {
    const auto* zeros = static_cast<const Q*>(src[2]);
    each_row(scales, load, src[1],
             [&](std::int64_t count, std::int64_t at, std::int64_t first, std::int64_t step,
                 const float* scale) {
               const auto* x = static_cast<const Q*>(src[0]) + at;
               auto* d = static_cast<R*>(dst[0]) + at;
               for (std::int64_t i = 0; i < count; ++i) {
                 const auto zero = zeros == nullptr
                                       ? std::int64_t{0}
                                       : static_cast<std::int64_t>(zeros[first + i * step]);
                 d[i] = static_cast<R>(static_cast<float>(static_cast<std::int64_t>(x[i]) - zero) *
                                       scale[i * step]);
               }
             });
  };
}

template <class F>
bool with_quantized(ElementType type, F f) {
  switch (type) {
    case ElementType::u8:
      f(std::type_identity<std::uint8_t>{});
      return true;
    case ElementType::i8:
      f(std::type_identity<std::int8_t>{});
      return true;
    case ElementType::u16:
      f(std::type_identity<std::uint16_t>{});
      return true;
    case ElementType::i16:
      f(std::type_identity<std::int16_t>{});
      return true;
    default:
      return false;
  }
}

/// f32, f16 and bf16.
template <class F>
bool with_scale(ElementType type, F f) {
  switch (type) {
    case ElementType::f32:
      f(std::type_identity<float>{});
      return true;
    case ElementType::f16:
      f(std::type_identity<Float16>{});
      return true;
    case ElementType::bf16:
      f(std::type_identity<BFloat16>{});
      return true;
    default:
      return false;
  }
}

/// A kernel reads src[2]; a node without a zero point may have two inputs only.
Kernel with_zero_point(const KernelContext& ctx, Kernel kernel) {
  if (ctx.inputs() >= 3) {
    return kernel;
  }
  return [kernel = std::move(kernel)](const void* const* src, void* const* dst) {
    const void* const all[] = {src[0], src[1], nullptr};
    kernel(all, dst);
  };
}

LoadScales loader_of(const KernelContext& ctx) {
  LoadScales load = nullptr;
  if (!with_scale(ctx.type(1), [&]<class S>(std::type_identity<S>) { load = load_scales<S>; })) {
    ctx.unsupported_type(ctx.type(1));
  }
  return load;
}

Kernel quantize_kernel(const KernelContext& ctx) {
  const auto scales = scales_of(ctx, ctx.shape(0), ctx.shape(1));
  const auto load = loader_of(ctx);
  Kernel kernel;
  with_quantized(ctx.output_type(0), [&]<class Q>(std::type_identity<Q>) {
    if (ctx.type(0) == ElementType::i32) {
      kernel = quantize_of<std::int32_t, Q>(scales, load);
    } else {
      with_scale(ctx.type(0),
                 [&]<class T>(std::type_identity<T>) { kernel = quantize_of<T, Q>(scales, load); });
    }
  });
  if (!kernel) {
    ctx.unsupported_type(ctx.output_type(0));
  }
  return with_zero_point(ctx, std::move(kernel));
}

Kernel dequantize_kernel(const KernelContext& ctx) {
  const auto scales = scales_of(ctx, ctx.shape(0), ctx.shape(1));
  const auto load = loader_of(ctx);
  Kernel kernel;
  with_scale(ctx.output_type(0), [&]<class R>(std::type_identity<R>) {
    if (ctx.type(0) == ElementType::i32) {
      kernel = dequantize_of<std::int32_t, R>(scales, load);
    } else {
      with_quantized(ctx.type(0), [&]<class Q>(std::type_identity<Q>) {
        kernel = dequantize_of<Q, R>(scales, load);
      });
    }
  });
  if (!kernel) {
    ctx.unsupported_type(ctx.type(0));
  }
  return with_zero_point(ctx, std::move(kernel));
}

/// One constant scale for an f32 or 8-bit tensor: over it as it lies.
bool lower_per_tensor(plan::Lowering& lowering, const graph::Node& node, bool dequantizes) {
  const auto narrow = dequantizes ? lowering.type(node.inputs[0]) : lowering.type(node.outputs[0]);
  const auto wide = dequantizes ? lowering.type(node.outputs[0]) : lowering.type(node.inputs[0]);
  const auto& scale = lowering.constant(node.inputs[1]);
  if (wide != ElementType::f32 || (narrow != ElementType::u8 && narrow != ElementType::i8) ||
      !scale || scale.type() != ElementType::f32 || scale.size() != 1 ||
      node.attributes.integer("block_size", 0) != 0 || !node.post_ops.empty() ||
      (node.has_input(2) && !lowering.constant(node.inputs[2]))) {
    return false;
  }
  kernels::Steps steps{*scale.data<float>(), 0, narrow == ElementType::i8};
  if (node.has_input(2)) {
    const auto& zero = lowering.constant(node.inputs[2]);
    steps.zero = steps.is_signed ? static_cast<float>(*zero.data<std::int8_t>())
                                 : static_cast<float>(*zero.data<std::uint8_t>());
  }
  auto src = lowering.view(node.inputs[0]);
  if (!src.is_dense()) {
    src = lowering.plain(node.inputs[0]);
  }
  const auto dst = lowering.destination(node.outputs[0], src.strides);
  const auto count = src.elements();
  auto kernel = dequantizes ? kernels::dequantize(count, steps, lowering.threads())
                            : kernels::quantize(count, steps, lowering.threads());
  lowering.add(std::move(kernel), {&src, 1}, {&dst, 1},
               {.flops = static_cast<double>(count),
                .implementation = dequantizes ? "dequantize" : "quantize"});
  return true;
}

bool lower_quantize(plan::Lowering& lowering, const graph::Node& node) {
  return lower_per_tensor(lowering, node, false);
}
bool lower_dequantize(plan::Lowering& lowering, const graph::Node& node) {
  return lower_per_tensor(lowering, node, true);
}

void infer_dynamic_quantize(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_type(0, {ElementType::f32});
  ctx.output(0, ElementType::u8, ctx.shape(0));
  ctx.output(1, ElementType::f32, PartialShape{});
  ctx.output(2, ElementType::u8, PartialShape{});
}

Kernel dynamic_quantize_kernel(const KernelContext& ctx) {
  if (ctx.outputs() != 3) {
    ctx.fail(fmt::format("{} outputs are there; 3 were expected", ctx.outputs()));
  }
  const auto count = ctx.shape(0).elements();
  return [count](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    float low = 0;
    float high = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
    const auto scale = high == low ? 1.0F : (high - low) / 255;
    const auto zero = saturate<std::uint8_t>(std::nearbyint(-low / scale));
    if (dst[0] != nullptr) {
      auto* d = static_cast<std::uint8_t*>(dst[0]);
      for (std::int64_t i = 0; i < count; ++i) {
        d[i] = saturate<std::uint8_t>(std::nearbyint(x[i] / scale) + static_cast<float>(zero));
      }
    }
    if (dst[1] != nullptr) {
      *static_cast<float*>(dst[1]) = scale;
    }
    if (dst[2] != nullptr) {
      *static_cast<std::uint8_t*>(dst[2]) = zero;
    }
  };
}

const Register quantize{{.type = "QuantizeLinear",
                         .since = 10,
                         .infer = infer_quantize,
                         .kernel = quantize_kernel,
                         .lower = lower_quantize}};
const Register dequantize{{.type = "DequantizeLinear",
                           .since = 10,
                           .infer = infer_dequantize,
                           .kernel = dequantize_kernel,
                           .lower = lower_dequantize}};
const Register dynamic_quantize{{.type = "DynamicQuantizeLinear",
                                 .since = 11,
                                 .infer = infer_dynamic_quantize,
                                 .kernel = dynamic_quantize_kernel}};

}  // namespace
}  // namespace coinfer::ops
