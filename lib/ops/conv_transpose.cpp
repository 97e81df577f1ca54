#include "ops/op.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"
#include "ops/window.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

using plan::Lowering;
using plan::View;

/// A transposed convolution's window: where each input element adds to the output.
struct Spread {
  Window window;
  Dims output;  ///< spatial extents of the result

  std::size_t rank() const { return output.size(); }
};

/// `input` and `weights` are whole shapes.
template <class Context>
Spread spread_of(const Context& ctx, const Shape& input, const Shape& weights) {
  const auto& attributes = ctx.attributes();
  const Dims kernel(weights.begin() + 2, weights.end());
  if (const auto given = attributes.integers("kernel_shape")) {
    if (!std::equal(given->begin(), given->end(), kernel.begin(), kernel.end())) {
      ctx.fail(fmt::format("kernel_shape [{}] does not fit weights of shape {}",
                           fmt::join(*given, ","), weights.to_string()));
    }
  }
  Spread spread;
  spread.window = window_of(ctx, kernel);
  auto& window = spread.window;
  const auto rank = kernel.size();
  const auto list = [&](const char* name) {
    auto values = attributes.integers(name);
    if (values && values->size() != rank) {
      ctx.fail(fmt::format("{} has {} numbers; {} were expected", name, values->size(), rank));
    }
    return values;
  };
  const auto more = list("output_padding").value_or(std::vector<std::int64_t>(rank, 0));
  const auto wanted = list("output_shape");
  // Not ONNX's: the result begins at pads_begin and is as long as output_shape says.
  const bool keep_pads = wanted && attributes.integer("keep_pads", 0) != 0;
  for (std::size_t i = 0; i < rank; ++i) {
    if (more[i] < 0 || more[i] > (std::int64_t{1} << 31)) {
      ctx.fail(fmt::format("output_padding has the number {}", more[i]));
    }
    if (wanted && ((*wanted)[i] < 0 || (*wanted)[i] > (std::int64_t{1} << 40))) {
      ctx.fail(fmt::format("output_shape has the number {}", (*wanted)[i]));
    }
    const auto in = input[i + 2];
    const auto natural = window.strides[i] * (in - 1) + more[i] + window.span(i);
    if (!wanted && window.automatic == Window::Auto::none) {
      spread.output.push_back(natural - window.pads_begin[i] - window.pads_end[i]);
    } else if (keep_pads) {
      spread.output.push_back((*wanted)[i]);
      window.pads_end[i] = natural - window.pads_begin[i] - spread.output[i];
    } else {
      spread.output.push_back(wanted ? (*wanted)[i] : in * window.strides[i]);
      const auto total = std::max<std::int64_t>(natural - spread.output[i], 0);
      const auto less = total / 2;
      const bool less_first = window.automatic == Window::Auto::same_upper;
      window.pads_begin[i] = less_first ? less : total - less;
      window.pads_end[i] = total - window.pads_begin[i];
    }
    if (spread.output[i] < 0) {
      ctx.fail(fmt::format("the output would have {} elements along an axis", spread.output[i]));
    }
  }
  window.automatic = Window::Auto::none;
  return spread;
}

void infer(InferContext& ctx) {
  ctx.check_inputs(2, 3);
  ctx.check_rank(0, 3, 5);
  ctx.check_rank(1, 3, 5);
  const auto& input = ctx.shape(0);
  const auto& weights = ctx.shape(1);
  if (weights.is_dynamic() || !input.has_rank()) {
    const auto rank = input.has_rank() ? input.rank() : weights.rank();
    ctx.output(0, ctx.type(0), rank >= 0 ? PartialShape::dynamic(rank) : PartialShape::dynamic());
    return;
  }
  const auto extents = weights.to_shape();
  const auto group = ctx.attributes().integer("group", 1);
  if (input.rank() != extents.rank() || !input[1].contains(extents[0])) {
    ctx.fail(fmt::format("weights of shape {} do not fit an input of shape {}", extents.to_string(),
                         input.to_string()));
  }
  if (group < 1 || extents[0] % group != 0) {
    ctx.fail(fmt::format("{} groups do not divide the {} input channels", group, extents[0]));
  }
  std::int64_t channels = 0;
  if (__builtin_mul_overflow(extents[1], group, &channels)) {
    ctx.fail(fmt::format("{} groups are too many", group));
  }
  if (ctx.has(2) && !PartialShape::merge(ctx.shape(2), PartialShape{channels})) {
    ctx.fail(fmt::format("the bias has the shape {}; [{}] was expected", ctx.shape(2).to_string(),
                         channels));
  }
  auto result = PartialShape::dynamic(input.rank());
  result[0] = input[0];
  result[1] = channels;
  // Extents that are not known take part as 1: their results stay open.
  auto known = Shape(std::span<const std::int64_t>{extents});
  for (std::size_t i = 0; i < known.size(); ++i) {
    known[i] = input[i].is_static() ? input[i].length() : 1;
  }
  const auto spread = spread_of(ctx, known, extents);
  const bool given = ctx.attributes().has("output_shape");
  for (std::size_t i = 0; i < spread.rank(); ++i) {
    if (given || input[i + 2].is_static()) {
      result[i + 2] = spread.output[i];
    }
  }
  ctx.output(0, ctx.type(0), result);
}

/// Shapes and windows with three spatial extents, the missing ones being 1.
struct Volume {
  std::int64_t batch, in, out, group;
  std::array<std::int64_t, 3> input{1, 1, 1}, output{1, 1, 1}, kernel{1, 1, 1}, strides{1, 1, 1},
      dilations{1, 1, 1}, pads{0, 0, 0};

  Volume(const Shape& src, const Shape& dst, const Window& window, std::int64_t groups)
      : batch{src[0]}, in{src[1]}, out{dst[1]}, group{groups} {
    const auto missing = 3 - window.rank();
    for (std::size_t i = 0; i < window.rank(); ++i) {
      input[missing + i] = src[i + 2];
      output[missing + i] = dst[i + 2];
      kernel[missing + i] = window.kernel[i];
      strides[missing + i] = window.strides[i];
      dilations[missing + i] = window.dilations[i];
      pads[missing + i] = window.pads_begin[i];
    }
  }
};

template <class T, class Sum>
void spread_plane(const Volume& v, const T* src, const T* weights, std::vector<Sum>& sums) {
  const auto target = [&](std::int64_t at, std::int64_t k, std::size_t i) {
    return at * v.strides[i] - v.pads[i] + k * v.dilations[i];
  };
  const auto inside = [&](std::int64_t at, std::size_t i) { return at >= 0 && at < v.output[i]; };
  for (std::int64_t d = 0; d < v.input[0]; ++d) {
    for (std::int64_t h = 0; h < v.input[1]; ++h) {
      for (std::int64_t w = 0; w < v.input[2]; ++w, ++src) {
        const auto value = static_cast<Sum>(*src);
        const auto* factor = weights;
        for (std::int64_t kd = 0; kd < v.kernel[0]; ++kd) {
          const auto od = target(d, kd, 0);
          for (std::int64_t kh = 0; kh < v.kernel[1]; ++kh) {
            const auto oh = target(h, kh, 1);
            for (std::int64_t kw = 0; kw < v.kernel[2]; ++kw, ++factor) {
              const auto ow = target(w, kw, 2);
              if (inside(od, 0) && inside(oh, 1) && inside(ow, 2)) {
                sums[static_cast<std::size_t>((od * v.output[1] + oh) * v.output[2] + ow)] +=
                    value * static_cast<Sum>(*factor);
              }
            }
          }
        }
      }
    }
  }
}

template <class T>
void spread_all(const Volume& v, const T* src, const T* weights, const T* bias, T* dst) {
  using Sum = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const auto in_plane = v.input[0] * v.input[1] * v.input[2];
  const auto out_plane = v.output[0] * v.output[1] * v.output[2];
  const auto kernel_size = v.kernel[0] * v.kernel[1] * v.kernel[2];
  const auto group_in = v.in / v.group;
  const auto group_out = v.out / v.group;
  std::vector<Sum> sums;
  for (std::int64_t n = 0; n < v.batch; ++n) {
    for (std::int64_t oc = 0; oc < v.out; ++oc) {
      const auto start = bias != nullptr ? static_cast<Sum>(bias[oc]) : Sum{0};
      sums.assign(static_cast<std::size_t>(out_plane), start);
      const auto first = oc / group_out * group_in;
      for (auto ic = first; ic < first + group_in; ++ic) {
        spread_plane(v, src + (n * v.in + ic) * in_plane,
                     weights + (ic * group_out + oc % group_out) * kernel_size, sums);
      }
      dst = std::transform(sums.begin(), sums.end(), dst,
                           [](Sum sum) { return static_cast<T>(sum); });
    }
  }
}

Kernel kernel(const KernelContext& ctx) {
  const auto spread = spread_of(ctx, ctx.shape(0), ctx.shape(1));
  const Volume volume{ctx.shape(0), ctx.output_shape(0), spread.window,
                      ctx.attributes().integer("group", 1)};
  const bool bias = ctx.has(2);
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          spread_all(volume, static_cast<const T*>(src[0]), static_cast<const T*>(src[1]),
                     bias ? static_cast<const T*>(src[2]) : nullptr, static_cast<T*>(dst[0]));
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

/// ONNX's weights [in, out / group, ...] as oneDNN's [group,] [out, in] / group, ...
View weights_view(const View& given, std::int64_t group) {
  Shape grouped{group, given.dims[0] / group};
  grouped.insert(grouped.end(), given.dims.begin() + 1, given.dims.end());
  Dims order(grouped.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<std::int64_t>(i);
  }
  std::swap(order[1], order[2]);
  auto view = transposed(*reshaped(given, grouped), order);
  if (group == 1) {
    view.dims.erase(view.dims.begin());
    view.strides.erase(view.strides.begin());
  }
  return view;
}

bool lower(Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto src_dims = ctx.shape(0);
  const auto dst_dims = ctx.output_shape(0);
  const bool floats = ctx.type(0) == ElementType::f32 || plan::is_mixed(node);
  if (!floats || src_dims.elements() == 0 || dst_dims.elements() == 0) {
    return false;
  }
  auto window = spread_of(ctx, src_dims, ctx.shape(1)).window;
  Dims dilations = window.dilations;
  for (std::size_t i = 0; i < window.rank(); ++i) {
    // What output_padding adds is padding less.
    window.pads_end[i] = (src_dims[i + 2] - 1) * window.strides[i] + window.span(i) -
                         window.pads_begin[i] - dst_dims[i + 2];
    --dilations[i];
  }
  const auto src = lowering.channels_last(node.inputs[0]);
  const auto strides = plan::channels_last_strides(dst_dims);
  const auto dst_desc = desc_of(View{{}, 0, ctx.output_type(0), dst_dims, strides});
  const auto weights =
      weights_view(lowering.plain(node.inputs[1]), ctx.attributes().integer("group", 1));
  dnnl::memory::desc bias;
  if (ctx.has(2)) {
    bias = desc_of(lowering.plain(node.inputs[2]));
  }
  const auto make = [&](const dnnl::primitive_attr& attr) {
    return dnnl::deconvolution_forward::primitive_desc{plan::engine(),
                                                       dnnl::prop_kind::forward_inference,
                                                       dnnl::algorithm::deconvolution_direct,
                                                       desc_of(src),
                                                       plan::any_desc(ctx.type(0), weights.dims),
                                                       bias,
                                                       dst_desc,
                                                       plan::to_dims(window.strides),
                                                       plan::to_dims(dilations),
                                                       plan::to_dims(window.pads_begin),
                                                       plan::to_dims(window.pads_end),
                                                       attr,
                                                       true};
  };
  auto post_ops = std::make_unique<PostOps>(lowering, node, strides, dst_dims, false);
  // Vectors of few channels are mostly empty: too slow for what costs more than a comparison.
  bool fused = post_ops->fits() && dst_dims[1] >= 16;
  auto primitive = make(fused ? post_ops->attr() : plan::attributes());
  if (fused && !node.post_ops.empty() && (!primitive || plan::is_reference(primitive))) {
    primitive = make(plan::attributes());
    fused = false;
  }
  if (!primitive) {
    return false;
  }
  std::vector<plan::Argument> arguments{Lowering::argument(DNNL_ARG_SRC, src)};
  if (const auto& constant = lowering.constant(node.inputs[1])) {
    arguments.push_back(
        lowering.packed(DNNL_ARG_WEIGHTS, constant, weights, primitive.weights_desc()));
  } else {
    arguments.push_back(lowering.reordered(DNNL_ARG_WEIGHTS, weights, primitive.weights_desc()));
  }
  if (ctx.has(2)) {
    arguments.push_back(Lowering::argument(DNNL_ARG_BIAS, lowering.plain(node.inputs[2])));
  }
  const auto dst = fused ? post_ops->destination() : lowering.destination(node.outputs[0], strides);
  arguments.push_back(Lowering::argument(DNNL_ARG_DST, dst, dst_desc));
  if (fused) {
    post_ops->append_to(arguments);
  }
  const auto flops =
      2.0 * static_cast<double>(src_dims.elements()) *
      static_cast<double>(ctx.shape(1).elements() / std::max<std::int64_t>(ctx.shape(1)[0], 1));
  lowering.add(primitive, dnnl::deconvolution_forward{primitive}, std::move(arguments),
               {.flops = flops});
  if (!fused) {
    lower_post_ops(lowering, node);
  }
  return true;
}

const Register conv_transpose{
    {.type = "ConvTranspose", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
