#include "ops/dimensions.hpp"
#include "ops/post_ops.hpp"
#include "ops/quantized.hpp"
#include "ops/window.hpp"

namespace coinfer::ops {
namespace {

using Input = QuantizedInput;
using plan::Lowering;
using plan::View;
using Primitive = dnnl::convolution_forward::primitive_desc;

/// The residual, which the destination holds before, and perhaps a relu.
dnnl::post_ops sum_of(const KernelContext& ctx) {
  dnnl::post_ops ops;
  ops.append_sum(ctx.attributes().real("sum_scale", 1),
                 static_cast<std::int32_t>(ctx.attributes().real("sum_zero", 0)),
                 *plan::data_type(ctx.type(Input::sum)));
  if (ctx.attributes().integer("relu", 0) != 0) {
    ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  }
  return ops;
}

/// Memory for the result that holds the residual: its own where nothing reads it any more.
View summed_over(Lowering& lowering, const graph::Node& node, const Dims& strides) {
  const auto id = node.inputs[Input::sum];
  const auto sum = lowering.with_strides(id, strides);
  if (lowering.may_overwrite(id, sum)) {
    lowering.alias(node.outputs[0], sum);
    return sum;
  }
  const auto dst = lowering.destination(node.outputs[0], strides);
  lowering.copy(sum, dst);
  return dst;
}

bool lower(Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto src_dims = ctx.shape(Input::x);
  const auto dst_dims = ctx.output_shape(0);
  const auto given = ctx.shape(Input::w);
  const auto& weights = lowering.constant(node.inputs[Input::w]);
  if (src_dims.elements() == 0 || dst_dims.elements() == 0 || !weights) {
    return false;
  }
  auto window = window_of(ctx, Dims(given.begin() + 2, given.end()));
  window.resolve(src_dims);
  Dims dilations;
  for (std::size_t i = 0; i < window.rank(); ++i) {
    // oneDNN checks its extents against both paddings.
    window.pads_end[i] = (dst_dims[i + 2] - 1) * window.strides[i] + window.span(i) -
                         src_dims[i + 2] - window.pads_begin[i];
    dilations.push_back(window.dilations[i] - 1);
  }
  const auto group = ctx.attributes().integer("group", 1);
  auto weights_dims = given;
  if (group > 1) {
    weights_dims[0] /= group;
    weights_dims.insert(weights_dims.begin(), group);
  }
  const auto src = lowering.channels_last(node.inputs[Input::x]);
  const auto strides = plan::channels_last_strides(dst_dims);
  const auto desc_dst = desc_of(View{{}, 0, ctx.output_type(0), dst_dims, strides});
  std::optional<View> bias;
  if (ctx.has(Input::bias)) {
    bias = lowering.plain(node.inputs[Input::bias]);
  }
  const Quantization quantization{lowering, node, given[0], group > 1 ? 3 : 1};
  const auto make = [&](const dnnl::memory::desc& desc, const dnnl::primitive_attr& attr) {
    return Primitive{plan::engine(),
                     dnnl::prop_kind::forward_inference,
                     dnnl::algorithm::convolution_direct,
                     desc_of(src),
                     desc,
                     bias ? desc_of(*bias) : dnnl::memory::desc{},
                     desc_dst,
                     plan::to_dims(window.strides),
                     plan::to_dims(dilations),
                     plan::to_dims(window.pads_begin),
                     plan::to_dims(window.pads_end),
                     attr,
                     true};
  };
  const auto any = plan::any_desc(ElementType::i8, weights_dims);
  // An operand that is summed would have to be of the result's type.
  PostOps post_ops{lowering, node, strides, dst_dims, !ctx.has(Input::y_scale)};
  auto attr = post_ops.fits() ? post_ops.attr() : plan::attributes();
  if (ctx.has(Input::sum)) {
    attr.set_post_ops(sum_of(ctx));
  }
  quantization.set(attr);
  bool fused = post_ops.fits();
  auto primitive = make(any, attr);
  if (fused && !node.post_ops.empty() && !ctx.has(Input::y_scale) &&
      (!primitive || plan::is_reference(primitive))) {
    auto alone = plan::attributes();
    quantization.set(alone);
    if (auto plain = make(any, alone)) {
      primitive = plain;
      fused = false;
    }
  }
  if (!primitive) {
    return false;
  }
  const auto view = reshaped(lowering.plain(node.inputs[Input::w]), weights_dims).value();
  std::vector<plan::Argument> arguments{
      Lowering::argument(DNNL_ARG_SRC, src),
      lowering.packed(DNNL_ARG_WEIGHTS, weights, view, primitive.weights_desc(),
                      quantization.weights_kind(primitive))};
  if (bias) {
    arguments.push_back(Lowering::argument(DNNL_ARG_BIAS, *bias));
  }
  const auto dst = ctx.has(Input::sum) ? summed_over(lowering, node, strides)
                   : fused             ? post_ops.destination()
                                       : lowering.destination(node.outputs[0], strides);
  arguments.push_back(Lowering::argument(DNNL_ARG_DST, dst, desc_dst));
  if (fused) {
    post_ops.append_to(arguments);
  }
  quantization.append_to(arguments);
  const auto taps = static_cast<double>(given.elements()) / static_cast<double>(given[0]);
  lowering.add(primitive, dnnl::convolution_forward{primitive}, std::move(arguments),
               {.flops = 2.0 * static_cast<double>(dst_dims.elements()) * taps});
  if (!fused) {
    lower_post_ops(lowering, node);
  }
  return true;
}

const Register conv{{.type = "QuantizedConv",
                     .infer = infer_quantized,
                     .kernel = quantized_kernel,
                     .lower = lower,
                     .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
