// Pooling: MaxPool, AveragePool and their global forms.
#include <limits>

#include "ops/op.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"
#include "ops/window.hpp"

namespace coinfer::ops {
namespace {

using plan::Lowering;
using plan::View;

bool is_global(std::string_view type) { return type.starts_with("Global"); }
bool is_max(std::string_view type) { return type.ends_with("MaxPool"); }

template <class Context>
Window pool_window(const Context& ctx) {
  const auto kernel = ctx.attributes().integers("kernel_shape");
  if (!kernel || kernel->empty()) {
    ctx.fail("kernel_shape is missing");
  }
  for (const auto extent : *kernel) {
    if (extent < 1 || extent > (std::int64_t{1} << 31)) {
      ctx.fail(fmt::format("kernel_shape has the extent {}", extent));
    }
  }
  return window_of(ctx, Dims(kernel->begin(), kernel->end()));
}

/// The window of a global pooling is the whole image.
Window global_window(const Shape& input) {
  Window window;
  window.kernel.assign(input.begin() + 2, input.end());
  window.strides.assign(window.rank(), 1);
  window.dilations = window.strides;
  window.pads_begin.assign(window.rank(), 0);
  window.pads_end = window.pads_begin;
  return window;
}

void infer(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 3, 5);
  const auto& input = ctx.shape(0);
  if (!input.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    ctx.output(1, ElementType::i64, PartialShape::dynamic());
    return;
  }
  const auto window = pool_window(ctx);
  if (static_cast<std::int64_t>(window.rank()) + 2 != input.rank()) {
    ctx.fail(fmt::format("a window of rank {} does not fit an input of shape {}", window.rank(),
                         input.to_string()));
  }
  PartialShape::Dimensions dims{input[0], input[1]};
  for (std::size_t i = 0; i < window.rank(); ++i) {
    dims.push_back(window.output(ctx, i, input[i + 2]));
  }
  ctx.output(0, ctx.type(0), PartialShape{dims});
  ctx.output(1, ElementType::i64, PartialShape{std::move(dims)});
}

void infer_global(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 3, 5);
  const auto& input = ctx.shape(0);
  if (!input.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  PartialShape::Dimensions dims{input[0], input[1]};
  dims.resize(static_cast<std::size_t>(input.rank()), Dimension{1});
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

struct Pooling {
  std::int64_t planes;
  std::array<std::int64_t, 3> input{1, 1, 1}, output{1, 1, 1}, kernel{1, 1, 1}, strides{1, 1, 1},
      dilations{1, 1, 1}, begin{0, 0, 0}, end{0, 0, 0};
  bool max, count_padding, count_all, column_major;
};

/// Where one window lies on one axis: taps [first, last) hit the input; `padded` taps hit the input
/// or its padding. Found without a walk over taps: a file may ask for 2^31 of them.
struct Taps {
  std::int64_t origin, first, last, padded;
};

Taps taps_of(const Pooling& p, std::size_t axis, std::int64_t out) {
  const auto step = p.dilations[axis];
  // The number of taps that lie before `limit`.
  const auto origin = out * p.strides[axis] - p.begin[axis];
  const auto before = [&](std::int64_t limit) {
    return limit <= origin ? 0 : std::min((limit - origin + step - 1) / step, p.kernel[axis]);
  };
  return {origin, before(0), before(p.input[axis]), before(p.input[axis] + p.end[axis])};
}

template <class T>
void pool(const Pooling& p, const T* src, T* dst, std::int64_t* indices) {
  using Wide = wide_of<T>;
  // Integers modulo 2^64, so that overflow is no undefined behaviour.
  constexpr bool integers = std::is_integral_v<T>;
  using Sum = std::conditional_t<integers, std::uint64_t, Wide>;
  using Mean = std::conditional_t<integers && std::is_signed_v<T>, std::int64_t, Sum>;
  const auto plane_size = p.input[0] * p.input[1] * p.input[2];
  std::array<std::int64_t, 3> o{};
  std::array<Taps, 3> taps{};
  for (std::int64_t plane = 0; plane < p.planes; ++plane) {
    const auto* from = src + plane * plane_size;
    for (o[0] = 0; o[0] < p.output[0]; ++o[0]) {
      taps[0] = taps_of(p, 0, o[0]);
      for (o[1] = 0; o[1] < p.output[1]; ++o[1]) {
        taps[1] = taps_of(p, 1, o[1]);
        for (o[2] = 0; o[2] < p.output[2]; ++o[2]) {
          taps[2] = taps_of(p, 2, o[2]);
          Sum sum = 0;
          auto best = std::numeric_limits<Wide>::lowest();
          std::int64_t at_best = -1;
          std::uint64_t count = 1;
          for (const auto& axis : taps) {
            count *=
                static_cast<std::uint64_t>(p.count_padding ? axis.padded : axis.last - axis.first);
          }
          count = p.count_all ? static_cast<std::uint64_t>(p.kernel[0] * p.kernel[1] * p.kernel[2])
                              : count;
          std::array<std::int64_t, 3> k{};
          std::array<std::int64_t, 3> at{};
          for (k[0] = taps[0].first; k[0] < taps[0].last; ++k[0]) {
            at[0] = taps[0].origin + k[0] * p.dilations[0];
            for (k[1] = taps[1].first; k[1] < taps[1].last; ++k[1]) {
              at[1] = taps[1].origin + k[1] * p.dilations[1];
              for (k[2] = taps[2].first; k[2] < taps[2].last; ++k[2]) {
                at[2] = taps[2].origin + k[2] * p.dilations[2];
                const auto x =
                    static_cast<Wide>(from[(at[0] * p.input[1] + at[1]) * p.input[2] + at[2]]);
                sum += static_cast<Sum>(x);
                if (x > best || at_best < 0 || is_nan(x)) {
                  best = x;
                  at_best = p.column_major ? (at[2] * p.input[1] + at[1]) * p.input[0] + at[0]
                                           : (at[0] * p.input[1] + at[1]) * p.input[2] + at[2];
                }
              }
            }
          }
          const auto divisor = static_cast<Mean>(std::max<std::uint64_t>(count, 1));
          *dst++ = p.max ? static_cast<T>(best) : static_cast<T>(static_cast<Mean>(sum) / divisor);
          if (indices != nullptr) {
            *indices++ = plane * plane_size + std::max<std::int64_t>(at_best, 0);
          }
        }
      }
    }
  }
}

Kernel kernel(const KernelContext& ctx) {
  const auto input = ctx.shape(0);
  const auto output = ctx.output_shape(0);
  auto window = is_global(ctx.node().type) ? global_window(input) : pool_window(ctx);
  window.resolve(input);
  Pooling p{.planes = input[0] * input[1]};
  p.max = is_max(ctx.node().type);
  p.count_padding = ctx.attributes().integer("count_include_pad", 0) != 0;
  // 2 is no value of ONNX's: what lies beyond the padding counts too.
  p.count_all = ctx.attributes().integer("count_include_pad", 0) == 2;
  p.column_major = ctx.attributes().integer("storage_order", 0) != 0;
  const auto missing = 3 - window.rank();
  for (std::size_t i = 0; i < window.rank(); ++i) {
    p.input[missing + i] = input[i + 2];
    p.output[missing + i] = output[i + 2];
    p.kernel[missing + i] = window.kernel[i];
    p.strides[missing + i] = window.strides[i];
    p.dilations[missing + i] = window.dilations[i];
    p.begin[missing + i] = window.pads_begin[i];
    p.end[missing + i] = window.pads_end[i];
  }
  const bool indices = ctx.has_output(1);
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [p, indices](const void* const* src, void* const* dst) {
          pool(p, static_cast<const T*>(src[0]), static_cast<T*>(dst[0]),
               indices ? static_cast<std::int64_t*>(dst[1]) : nullptr);
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

bool lower(Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto src_dims = ctx.shape(0);
  const auto dst_dims = ctx.output_shape(0);
  const bool in_8_bits = is_max(node.type) && node.post_ops.empty() &&
                         (ctx.type(0) == ElementType::u8 || ctx.type(0) == ElementType::i8);
  if ((!plan::is_f32_or_bf16(ctx.type(0)) && !in_8_bits) || src_dims.elements() == 0 ||
      (node.outputs.size() > 1 && lowering.is_needed(node.outputs[1]))) {
    return false;
  }
  const bool max = is_max(node.type);
  auto window = is_global(node.type) ? global_window(src_dims) : pool_window(ctx);
  window.resolve(src_dims);
  const bool count_padding = !max && ctx.attributes().integer("count_include_pad", 0) != 0;
  const bool count_all = ctx.attributes().integer("count_include_pad", 0) == 2;
  Dims dilations;
  for (std::size_t i = 0; i < window.rank(); ++i) {
    const auto end = (dst_dims[i + 2] - 1) * window.strides[i] + window.span(i) - src_dims[i + 2] -
                     window.pads_begin[i];
    if (count_padding && !count_all && end > window.pads_end[i]) {
      return false;  // what lies beyond the padding does not count
    }
    // A window that sees only padding.
    if (window.pads_begin[i] >= window.span(i) || end >= window.span(i)) {
      return false;
    }
    window.pads_end[i] = end;
    dilations.push_back(window.dilations[i] - 1);
  }
  const auto src = lowering.channels_last(node.inputs[0]);
  const auto strides = plan::channels_last_strides(dst_dims);
  const auto desc_src = desc_of(src);
  const auto desc_dst = desc_of(View{{}, 0, ctx.type(0), dst_dims, strides});
  PostOps post_ops{lowering, node, strides, dst_dims, false};
  bool fused = post_ops.fits();
  const auto make = [&](const dnnl::primitive_attr& attr) {
    return dnnl::pooling_forward::primitive_desc{plan::engine(),
                                                 dnnl::prop_kind::forward_inference,
                                                 max ? dnnl::algorithm::pooling_max
                                                 : count_padding
                                                     ? dnnl::algorithm::pooling_avg_include_padding
                                                     : dnnl::algorithm::pooling_avg_exclude_padding,
                                                 desc_src,
                                                 desc_dst,
                                                 plan::to_dims(window.strides),
                                                 plan::to_dims(window.kernel),
                                                 plan::to_dims(dilations),
                                                 plan::to_dims(window.pads_begin),
                                                 plan::to_dims(window.pads_end),
                                                 attr,
                                                 true};
  };
  auto primitive = make(fused ? post_ops.attr() : plan::attributes());
  if (fused && !node.post_ops.empty() && (!primitive || plan::is_reference(primitive))) {
    primitive = make(plan::attributes());
    fused = false;
  }
  if (!primitive) {
    return false;
  }
  const auto dst = lowering.destination(node.outputs[0], strides);
  std::vector<plan::Argument> arguments{Lowering::argument(DNNL_ARG_SRC, src),
                                        Lowering::argument(DNNL_ARG_DST, dst, desc_dst)};
  if (fused) {
    post_ops.append_to(arguments);
  }
  double flops = static_cast<double>(dst_dims.elements());
  for (const auto extent : window.kernel) {
    flops *= static_cast<double>(extent);
  }
  lowering.add(primitive, dnnl::pooling_forward{primitive}, std::move(arguments), {.flops = flops});
  if (!fused) {
    lower_post_ops(lowering, node);
  }
  return true;
}

const Register max_pool{
    {.type = "MaxPool", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};
const Register average_pool{
    {.type = "AveragePool", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};
const Register global_max{
    {.type = "GlobalMaxPool", .since = 1, .infer = infer_global, .kernel = kernel, .lower = lower}};
const Register global_average{{.type = "GlobalAveragePool",
                               .since = 1,
                               .infer = infer_global,
                               .kernel = kernel,
                               .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
