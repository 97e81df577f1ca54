#include <charconv>

#include "kernels/pixels.hpp"
#include "ops/convert.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

template <class To>
To parse(const std::string& text) {
  try {
    std::size_t end = 0;
    if constexpr (std::is_same_v<To, std::uint64_t>) {
      const auto value = std::stoull(text, &end);
      if (end == text.size()) {
        return value;
      }
    } else if constexpr (std::is_integral_v<To> && !std::is_same_v<To, bool>) {
      const auto value = std::stoll(text, &end);
      if (end == text.size()) {
        return static_cast<To>(value);
      }
    }
    const auto value = std::stod(text, &end);
    if (end == text.size()) {
      return convert<To>(value);
    }
  } catch (const std::invalid_argument&) {
  } catch (const std::out_of_range&) {
  }
  throw Error(fmt::format("the text '{}' is not a number that fits", text));
}

template <class From>
std::string print(From value) {
  if constexpr (std::is_same_v<From, bool>) {
    return value ? "1" : "0";
  } else if constexpr (is_real<From>) {
    const auto wide = static_cast<wide_of<From>>(value);
    if (std::isnan(wide)) {
      return "NaN";
    }
    if (std::isinf(wide)) {
      return wide > 0 ? "INF" : "-INF";
    }
    return fmt::format("{}", wide);
  } else {
    return fmt::format("{}", value);
  }
}

template <class From, class To>
void cast_all(const void* src, void* dst, std::int64_t count) {
  const auto* from = static_cast<const From*>(src);
  auto* to = static_cast<To*>(dst);
  for (std::int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_same_v<From, std::string>) {
      to[i] = parse<To>(from[i]);
    } else if constexpr (std::is_same_v<To, std::string>) {
      to[i] = print(from[i]);
    } else {
      to[i] = convert<To>(from[i]);
    }
  }
}

using Cast = void (*)(const void*, void*, std::int64_t);

/// with_number and bool.
template <class F>
bool with_value(ElementType type, F f) {
  if (type == ElementType::boolean) {
    f(std::type_identity<bool>{});
    return true;
  }
  return with_number(type, f);
}

Cast find_cast(const KernelContext& ctx, ElementType from, ElementType to) {
  Cast cast = nullptr;
  if (from == ElementType::string) {
    with_value(to, [&]<class T>(std::type_identity<T>) { cast = cast_all<std::string, T>; });
  } else if (to == ElementType::string) {
    with_value(from, [&]<class F>(std::type_identity<F>) { cast = cast_all<F, std::string>; });
  } else {
    with_value(from, [&]<class F>(std::type_identity<F>) {
      with_value(to, [&]<class T>(std::type_identity<T>) { cast = cast_all<F, T>; });
    });
  }
  if (cast == nullptr) {
    ctx.unsupported_type(from == ElementType::dynamic || to == from ? from : to);
  }
  return cast;
}

void infer_cast(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto to = ctx.attributes().integer("to", 0);
  const auto type = from_onnx_type(to);
  if (type == ElementType::dynamic) {
    throw Unsupported(fmt::format("a cast to ONNX's data type {} is not supported ({})", to,
                                  graph::describe(ctx.node())));
  }
  ctx.output(0, type, ctx.shape(0));
}

void infer_cast_like(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.output(0, ctx.type(1), ctx.shape(0));
}

Kernel cast_kernel(const KernelContext& ctx) {
  const auto from = ctx.type(0);
  const auto to = ctx.output_type(0);
  const auto count = ctx.shape(0).elements();
  if (from == to) {
    if (from == ElementType::string) {
      return [count](const void* const* src, void* const* dst) {
        std::copy_n(static_cast<const std::string*>(src[0]), count,
                    static_cast<std::string*>(dst[0]));
      };
    }
    const auto bytes = static_cast<std::size_t>(count) * size_of(from);
    return [bytes](const void* const* src, void* const* dst) {
      if (bytes != 0 && src[0] != dst[0]) {
        std::memcpy(dst[0], src[0], bytes);
      }
    };
  }
  const auto cast = find_cast(ctx, from, to);
  return [cast, count](const void* const* src, void* const* dst) { cast(src[0], dst[0], count); };
}

/// Between f32 and bf16: a reorder, which changes the order of elements too when a convolution is
/// to read them.
bool lower_rounding(plan::Lowering& lowering, const graph::Node& node, const plan::View& from) {
  const auto rank = from.dims.size();
  if (!plan::is_f32_or_bf16(from.type) || rank == 0 || rank > 6) {
    return false;
  }
  const auto wanted = node.attributes.integer("channels_last", 0) != 0;
  if (wanted && from.type == ElementType::f32 && from.is_plain() && rank > 2 &&
      from.dims[1] <= kernels::most_planes && from.elements() > 0) {
    const auto to = lowering.destination(node.outputs[0], plan::channels_last_strides(from.dims));
    const auto pixels = from.elements() / from.dims[0] / from.dims[1];
    lowering.add(kernels::planes_to_pixels(from.dims[0], from.dims[1], pixels, lowering.threads()),
                 {&from, 1}, {&to, 1}, {.implementation = "pixels"});
    return true;
  }
  auto strides = from.is_dense() ? from.strides : plan::plain_strides(from.dims);
  if (wanted) {
    strides = plan::channels_last_strides(from.dims);
  }
  const auto desc_from = desc_of(from);
  const auto desc_to =
      desc_of(plan::View{{}, 0, lowering.type(node.outputs[0]), from.dims, strides});
  const dnnl::reorder::primitive_desc primitive{plan::engine(), desc_from,          plan::engine(),
                                                desc_to,        plan::attributes(), true};
  if (!primitive || plan::is_reference(primitive)) {
    return false;
  }
  const auto to = lowering.destination(node.outputs[0], strides);
  lowering.add(primitive, dnnl::reorder{primitive},
               {plan::Lowering::argument(DNNL_ARG_FROM, from, desc_from),
                plan::Lowering::argument(DNNL_ARG_TO, to, desc_to)});
  return true;
}

/// A cast to the type that is there already is no work.
bool lower_cast(plan::Lowering& lowering, const graph::Node& node) {
  const auto from = lowering.view(node.inputs[0]);
  if (lowering.type(node.outputs[0]) != from.type) {
    return plan::is_f32_or_bf16(lowering.type(node.outputs[0])) &&
           lower_rounding(lowering, node, from);
  }
  lowering.alias(node.outputs[0], from);
  return true;
}

const Register cast{
    {.type = "Cast", .infer = infer_cast, .kernel = cast_kernel, .lower = lower_cast}};
const Register cast_like{{.type = "CastLike",
                          .since = 15,
                          .infer = infer_cast_like,
                          .kernel = cast_kernel,
                          .lower = lower_cast}};

}  // namespace
}  // namespace coinfer::ops
