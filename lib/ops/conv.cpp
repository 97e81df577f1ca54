#include "kernels/planar_conv.hpp"
#include "ops/dimensions.hpp"
#include "ops/op.hpp"
#include "ops/panels.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"
#include "ops/window.hpp"
#include "ops/winograd.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

using plan::Lowering;
using plan::View;

template <class Context>
Window conv_window(const Context& ctx, const Shape& weights) {
  Dims kernel(weights.begin() + 2, weights.end());
  if (const auto given = ctx.attributes().integers("kernel_shape")) {
    if (!std::equal(given->begin(), given->end(), kernel.begin(), kernel.end())) {
      ctx.fail(fmt::format("kernel_shape [{}] does not fit weights of shape {}",
                           fmt::join(*given, ","), weights.to_string()));
    }
  }
  return window_of(ctx, kernel);
}

void infer(InferContext& ctx) {
  ctx.check_inputs(2, 3);
  ctx.check_rank(0, 3, 5);
  ctx.check_rank(1, 3, 5);
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}}) {
    // lower_precision leaves weights as they are beside a rounded input.
    if (ctx.has(i) && ctx.type(i) != ctx.type(0) && ctx.type(0) != ElementType::bf16) {
      ctx.fail(fmt::format("{} of type {} do not fit an input of type {}",
                           i == 1 ? "weights" : "biases", name_of(ctx.type(i)),
                           name_of(ctx.type(0))));
    }
  }
  const auto& input = ctx.shape(0);
  const auto& weights = ctx.shape(1);
  if (weights.is_dynamic() || !input.has_rank()) {
    const auto rank = input.has_rank() ? input.rank() : weights.rank();
    ctx.output(0, ctx.type(0), rank >= 0 ? PartialShape::dynamic(rank) : PartialShape::dynamic());
    return;
  }
  const auto extents = weights.to_shape();
  const auto group = ctx.attributes().integer("group", 1);
  if (input.rank() != extents.rank()) {
    ctx.fail(fmt::format("weights of shape {} do not fit an input of shape {}", extents.to_string(),
                         input.to_string()));
  }
  if (group < 1 || extents[0] % group != 0) {
    ctx.fail(fmt::format("{} groups do not divide the {} output channels", group, extents[0]));
  }
  const auto channels = product(ctx, extents[1], group);
  if (!input[1].contains(channels)) {
    ctx.fail(fmt::format(
        "the input of shape {} does not have the {} channels of {} groups of weights of shape {}",
        input.to_string(), channels, group, extents.to_string()));
  }
  if (ctx.has(2) && ctx.shape(2).is_static() && ctx.shape(2).to_shape() != Shape{extents[0]}) {
    ctx.fail(fmt::format("the bias of shape {} does not fit {} output channels",
                         ctx.shape(2).to_string(), extents[0]));
  }
  const auto window = conv_window(ctx, extents);
  PartialShape::Dimensions dims{input[0], Dimension{extents[0]}};
  for (std::size_t i = 0; i < window.rank(); ++i) {
    dims.push_back(window.output(ctx, i, input[i + 2]));
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

/// Shapes and windows with three spatial extents, the missing ones being 1.
struct Volume {
  std::int64_t batch, in, out, group;
  std::array<std::int64_t, 3> input, output, kernel, strides, dilations, pads;
};

Volume volume_of(const Shape& input, const Shape& output, const Window& window,
                 std::int64_t group) {
  Volume v{input[0],  input[1],  output[1], group,     {1, 1, 1},
           {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}};
  const auto missing = 3 - window.rank();
  for (std::size_t i = 0; i < window.rank(); ++i) {
    v.input[missing + i] = input[i + 2];
    v.output[missing + i] = output[i + 2];
    v.kernel[missing + i] = window.kernel[i];
    v.strides[missing + i] = window.strides[i];
    v.dilations[missing + i] = window.dilations[i];
    v.pads[missing + i] = window.pads_begin[i];
  }
  return v;
}

template <class T>
void convolve(const Volume& v, const T* src, const T* weights, const T* bias, T* dst) {
  using Sum = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const auto in_plane = v.input[0] * v.input[1] * v.input[2];
  const auto kernel_size = v.kernel[0] * v.kernel[1] * v.kernel[2];
  const auto group_in = v.in / v.group;
  const auto group_out = v.out / v.group;
  const auto at = [](std::int64_t o, std::int64_t k, std::size_t i, const Volume& volume) {
    return o * volume.strides[i] - volume.pads[i] + k * volume.dilations[i];
  };
  for (std::int64_t n = 0; n < v.batch; ++n) {
    for (std::int64_t oc = 0; oc < v.out; ++oc) {
      const auto first = oc / group_out * group_in;
      for (std::int64_t od = 0; od < v.output[0]; ++od) {
        for (std::int64_t oh = 0; oh < v.output[1]; ++oh) {
          for (std::int64_t ow = 0; ow < v.output[2]; ++ow) {
            Sum sum = bias != nullptr ? static_cast<Sum>(bias[oc]) : Sum{0};
            for (std::int64_t ic = 0; ic < group_in; ++ic) {
              const auto* plane = src + (n * v.in + first + ic) * in_plane;
              const auto* w = weights + (oc * group_in + ic) * kernel_size;
              for (std::int64_t kd = 0; kd < v.kernel[0]; ++kd) {
                const auto d = at(od, kd, 0, v);
                for (std::int64_t kh = 0; kh < v.kernel[1]; ++kh) {
                  const auto h = at(oh, kh, 1, v);
                  for (std::int64_t kw = 0; kw < v.kernel[2]; ++kw, ++w) {
                    const auto x = at(ow, kw, 2, v);
                    if (d >= 0 && d < v.input[0] && h >= 0 && h < v.input[1] && x >= 0 &&
                        x < v.input[2]) {
                      sum += static_cast<Sum>(plane[(d * v.input[1] + h) * v.input[2] + x]) *
                             static_cast<Sum>(*w);
                    }
                  }
                }
              }
            }
            *dst++ = static_cast<T>(sum);
          }
        }
      }
    }
  }
}

Kernel kernel(const KernelContext& ctx) {
  auto window = conv_window(ctx, ctx.shape(1));
  window.resolve(ctx.shape(0));
  const auto volume =
      volume_of(ctx.shape(0), ctx.output_shape(0), window, ctx.attributes().integer("group", 1));
  const bool bias = ctx.has(2);
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          convolve(volume, static_cast<const T*>(src[0]), static_cast<const T*>(src[1]),
                   bias ? static_cast<const T*>(src[2]) : nullptr, static_cast<T*>(dst[0]));
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

using Primitive = dnnl::convolution_forward::primitive_desc;

struct Descs {
  dnnl::memory::desc src, weights, bias, dst;
};

Primitive primitive_of(const Descs& descs, const dnnl::memory::desc& weights, const Window& window,
                       const dnnl::primitive_attr& attr) {
  Dims dilations = window.dilations;
  for (auto& dilation : dilations) {
    --dilation;
  }
  return {plan::engine(),
          dnnl::prop_kind::forward_inference,
          dnnl::algorithm::convolution_direct,
          descs.src,
          weights,
          descs.bias,
          descs.dst,
          plan::to_dims(window.strides),
          plan::to_dims(dilations),
          plan::to_dims(window.pads_begin),
          plan::to_dims(window.pads_end),
          attr,
          true};
}

/// A layout that other plans of the model use for these weights, when it is as good as the best.
Primitive with_shared_weights(Lowering& lowering, const Primitive& best, const Descs& descs,
                              const Tensor& weights, const View& view, const Window& window,
                              const dnnl::primitive_attr& attr) {
  for (const auto& layout : lowering.packed_layouts(weights, view)) {
    if (layout == best.weights_desc()) {
      break;
    }
    auto shared = primitive_of(descs, layout, window, attr);
    if (shared && std::string_view{shared.impl_info_str()} == best.impl_info_str()) {
      return shared;
    }
  }
  return best;
}

/// An image whose channels are planes, as a network's input lies.
bool lower_planar(Lowering& lowering, const graph::Node& node, const KernelContext& ctx,
                  const Window& window) {
  using Activation = kernels::PlanarConv::Activation;
  const auto src_dims = ctx.shape(0);
  const auto dst_dims = ctx.output_shape(0);
  const auto& weights = lowering.constant(node.inputs[1]);
  if (!kernels::has_planar_conv() || src_dims.size() != 4 || src_dims[1] > 4 || dst_dims[1] < 8 ||
      ctx.attributes().integer("group", 1) != 1 || !weights || !weights.is_continuous() ||
      window.dilations != Dims{1, 1} || window.pads_begin[0] < 0 || window.pads_begin[1] < 0) {
    return false;
  }
  const auto src = lowering.view(node.inputs[0]);
  const auto stride = window.strides[1];
  // One plane is channels-last too.
  if (!src.is_plain() || (stride != 1 && stride != 2 && stride != 4)) {
    return false;
  }
  kernels::PlanarConv form{.batch = src_dims[0],
                           .in = src_dims[1],
                           .out = dst_dims[1],
                           .height = src_dims[2],
                           .width = src_dims[3],
                           .out_height = dst_dims[2],
                           .out_width = dst_dims[3],
                           .kernel_height = window.kernel[0],
                           .kernel_width = window.kernel[1],
                           .stride_y = window.strides[0],
                           .stride_x = stride,
                           .pad_top = window.pads_begin[0],
                           .pad_left = window.pads_begin[1],
                           .bias = ctx.has(2)};
  std::size_t fused = 0;
  if (!node.post_ops.empty() && node.post_ops[0].kind == graph::PostOp::Kind::eltwise) {
    const auto& post_op = node.post_ops[0];
    const auto algorithm = static_cast<dnnl::algorithm>(post_op.algorithm);
    if (algorithm == dnnl::algorithm::eltwise_relu && post_op.alpha == 0) {
      form.activation = Activation::relu;
    } else if (algorithm == dnnl::algorithm::eltwise_hardswish) {
      form.activation = Activation::hard_swish;
      form.alpha = post_op.alpha;
      form.beta = post_op.beta;
    }
    fused = form.activation == Activation::none ? 0 : 1;
  }
  const auto packed = lowering.weights().derive(
      weights,
      fmt::format("planes {} {} {} {}", form.in, form.out, form.kernel_height, form.kernel_width),
      static_cast<std::size_t>(form.packed_floats()) * sizeof(float), [&](void* to) {
        kernels::pack_weights(form, weights.data<float>(), static_cast<float*>(to));
      });
  std::vector<View> sources{src,
                            lowering.view_of(packed, ElementType::f32, {form.packed_floats()})};
  if (form.bias) {
    sources.push_back(lowering.plain(node.inputs[2]));
  }
  const auto threads = lowering.threads();
  const View targets[] = {
      lowering.destination(node.outputs[0], plan::channels_last_strides(dst_dims)),
      lowering.temporary(form.scratch_floats(threads) * 4)};
  const auto taps = form.in * form.kernel_height * form.kernel_width;
  lowering.add(
      kernels::planar_conv(form, threads), sources, targets,
      {.flops = 2.0 * static_cast<double>(dst_dims.elements() * taps), .implementation = "planar"});
  lower_post_ops(lowering, node, fused);
  return true;
}

bool lower(Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto src_dims = ctx.shape(0);
  const auto dst_dims = ctx.output_shape(0);
  const auto type = ctx.type(0);
  if ((type != ElementType::f32 && !plan::is_mixed(node)) || src_dims.elements() == 0 ||
      dst_dims.elements() == 0) {
    return false;
  }
  auto window = conv_window(ctx, ctx.shape(1));
  window.resolve(src_dims);
  if ((type == ElementType::f32 &&
       (lower_planar(lowering, node, ctx, window) ||
        (!plan::is_mixed(node) && lower_winograd(lowering, node, window)))) ||
      lower_panels(lowering, node, window)) {
    return true;
  }
  // oneDNN checks its extents against both paddings.
  for (std::size_t i = 0; i < window.rank(); ++i) {
    window.pads_end[i] = (dst_dims[i + 2] - 1) * window.strides[i] + window.span(i) -
                         src_dims[i + 2] - window.pads_begin[i];
  }
  const auto group = ctx.attributes().integer("group", 1);
  auto weights_dims = ctx.shape(1);
  if (group > 1) {
    weights_dims[0] /= group;
    weights_dims.insert(weights_dims.begin(), group);
  }
  const auto src = lowering.channels_last(node.inputs[0]);
  Descs descs;
  descs.src = desc_of(src);
  const auto strides = plan::channels_last_strides(dst_dims);
  descs.dst = desc_of(View{{}, 0, ctx.output_type(0), dst_dims, strides});
  descs.weights = plan::any_desc(type, weights_dims);
  if (ctx.has(2)) {
    descs.bias = desc_of(lowering.plain(node.inputs[2]));
  }
  auto post_ops = std::make_unique<PostOps>(lowering, node, strides, dst_dims, true);
  bool fused = post_ops->fits();
  auto primitive =
      primitive_of(descs, descs.weights, window, fused ? post_ops->attr() : plan::attributes());
  if (fused && !node.post_ops.empty() && (!primitive || plan::is_reference(primitive))) {
    auto plain = primitive_of(descs, descs.weights, window, plan::attributes());
    if (plain && !plan::is_reference(plain)) {
      primitive = plain;
      fused = false;
    }
  }
  if (!primitive) {
    return false;
  }
  const auto weights_view = reshaped(lowering.plain(node.inputs[1]), weights_dims).value();
  const auto& constant = lowering.constant(node.inputs[1]);
  std::vector<plan::Argument> arguments{Lowering::argument(DNNL_ARG_SRC, src)};
  if (constant) {
    primitive = with_shared_weights(lowering, primitive, descs, constant, weights_view, window,
                                    fused ? post_ops->attr() : plan::attributes());
    arguments.push_back(
        lowering.packed(DNNL_ARG_WEIGHTS, constant, weights_view, primitive.weights_desc()));
  } else {
    arguments.push_back(
        lowering.reordered(DNNL_ARG_WEIGHTS, weights_view, primitive.weights_desc()));
  }
  if (ctx.has(2)) {
    arguments.push_back(Lowering::argument(DNNL_ARG_BIAS, lowering.plain(node.inputs[2])));
  }
  const auto dst = fused ? post_ops->destination() : lowering.destination(node.outputs[0], strides);
  arguments.push_back(Lowering::argument(DNNL_ARG_DST, dst, descs.dst));
  if (fused) {
    post_ops->append_to(arguments);
  }
  const auto flops = 2.0 * static_cast<double>(dst_dims.elements()) *
                     static_cast<double>(ctx.shape(1).elements()) /
                     static_cast<double>(std::max<std::int64_t>(ctx.shape(1)[0], 1));
  lowering.add(primitive, dnnl::convolution_forward{primitive}, std::move(arguments),
               {.flops = flops});
  if (!fused) {
    lower_post_ops(lowering, node);
  }
  return true;
}

const Register conv{{.type = "Conv", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
