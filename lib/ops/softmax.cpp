// Softmax and LogSoftmax.
#include "kernels/softmax.hpp"

#include <cmath>

#include "ops/op.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  if (ctx.shape(0).has_rank()) {
    const auto axis = ctx.attributes().integer("axis", ctx.opset() < 13 ? 1 : -1);
    if (ctx.shape(0).rank() > 0 && !(ctx.opset() < 13 && axis == ctx.shape(0).rank())) {
      normalize_axis(ctx, axis, ctx.shape(0).rank());
    }
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

/// The input as [outer, length, inner]; before opset 13 everything from the axis on is one row.
struct Form {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
  std::size_t axis = 0;
};

template <class Context>
Form form_of(const Context& ctx, const Shape& shape) {
  Form form;
  if (shape.empty()) {
    return form;
  }
  const bool flat = ctx.opset() < 13;
  auto axis = ctx.attributes().integer("axis", flat ? 1 : -1);
  axis += axis < 0 ? shape.rank() : 0;
  form.axis = static_cast<std::size_t>(axis);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < form.axis ? form.outer : i == form.axis || flat ? form.length : form.inner) *= shape[i];
  }
  return form;
}

Kernel kernel(const KernelContext& ctx) {
  const auto form = form_of(ctx, ctx.shape(0));
  const bool logarithm = ctx.node().type == "LogSoftmax";
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        using Wide = wide_of<T>;
        kernel = [=](const void* const* src, void* const* dst) {
          for (std::int64_t row = 0; row < form.outer * form.inner; ++row) {
            const auto at = row / form.inner * form.length * form.inner + row % form.inner;
            const auto* x = static_cast<const T*>(src[0]) + at;
            auto* y = static_cast<T*>(dst[0]) + at;
            auto greatest = -std::numeric_limits<Wide>::infinity();
            for (std::int64_t i = 0; i < form.length; ++i) {
              greatest = std::max(greatest, static_cast<Wide>(x[i * form.inner]));
            }
            Wide sum = 0;
            for (std::int64_t i = 0; i < form.length; ++i) {
              sum += std::exp(static_cast<Wide>(x[i * form.inner]) - greatest);
            }
            for (std::int64_t i = 0; i < form.length; ++i) {
              const auto shifted = static_cast<Wide>(x[i * form.inner]) - greatest;
              y[i * form.inner] =
                  static_cast<T>(logarithm ? shifted - std::log(sum) : std::exp(shifted) / sum);
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto dims = ctx.shape(0);
  if (ctx.type(0) != ElementType::f32 || dims.elements() == 0 || dims.empty()) {
    return false;
  }
  const auto form = form_of(ctx, dims);
  auto src = lowering.view(node.inputs[0]);
  const bool channels = src.is_channels_last() && form.axis == 1 && ctx.opset() >= 13;
  if (!channels) {
    src = lowering.plain(node.inputs[0]);
  }
  auto matrix = src;
  if (channels) {
    matrix.dims = {form.outer * form.inner, form.length};
    matrix.strides = plan::plain_strides(matrix.dims);
  } else {
    matrix = form.inner == 1 ? *reshaped(src, {form.outer, form.length})
                             : *reshaped(src, {form.outer, form.length, form.inner});
  }
  if (node.type == "Softmax" && matrix.strides.back() == 1 && matrix.dims.back() == form.length) {
    const bool bf16 = lowering.type(node.outputs[0]) == ElementType::bf16;
    const kernels::Softmax rows{
        .outer = {form.outer * form.inner}, .length = form.length, .bf16 = bf16};
    const auto result = bf16 ? lowering.destination(node.outputs[0], src.strides)
                             : lowering.result_over(node.inputs[0], src, node.outputs[0]);
    lowering.add(kernels::softmax(rows, lowering.threads()), {&src, 1}, {&result, 1},
                 {.flops = 4.0 * static_cast<double>(dims.elements())});
    return true;
  }
  if (lowering.type(node.outputs[0]) != ElementType::f32) {
    return false;
  }
  const auto desc = desc_of(matrix);
  const dnnl::softmax_forward::primitive_desc primitive{
      plan::engine(),
      dnnl::prop_kind::forward_inference,
      node.type == "LogSoftmax" ? dnnl::algorithm::softmax_log : dnnl::algorithm::softmax_accurate,
      desc,
      desc,
      1,
      plan::attributes(),
      true};
  if (!primitive) {
    return false;
  }
  const auto dst = lowering.result_over(node.inputs[0], src, node.outputs[0]);
  lowering.add(primitive, dnnl::softmax_forward{primitive},
               {plan::Lowering::argument(DNNL_ARG_SRC, src, desc),
                plan::Lowering::argument(DNNL_ARG_DST, dst, desc)},
               {.flops = 4.0 * static_cast<double>(dims.elements())});
  return true;
}

/// softmax(scale * x + mask) over the last axis: attention's, made by the plan's fusion.
void infer_masked(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

bool lower_masked(plan::Lowering& lowering, const graph::Node& node) {
  const auto dims = lowering.dims(node.inputs[0]);
  const auto src = lowering.plain(node.inputs[0]);
  const auto mask = padded(lowering.plain(node.inputs[1]), dims.size());
  kernels::Softmax form;
  form.length = dims.back();
  form.scale = node.attributes.real("scale", 1);
  form.mask = true;
  for (std::size_t i = 0; i + 1 < dims.size(); ++i) {
    form.outer.push_back(dims[i]);
    form.mask_strides.push_back(mask.dims[i] == 1 ? 0 : mask.strides[i]);
  }
  form.bf16 = lowering.type(node.outputs[0]) == ElementType::bf16;
  const auto dst = form.bf16 ? lowering.destination(node.outputs[0], src.strides)
                             : lowering.result_over(node.inputs[0], src, node.outputs[0]);
  const plan::View sources[] = {src, mask};
  lowering.add(kernels::softmax(form, lowering.threads()), sources, {&dst, 1},
               {.flops = 6.0 * static_cast<double>(dims.elements())});
  return true;
}

const Register masked{{.type = "MaskedSoftmax",
                       .since = 1,
                       .infer = infer_masked,
                       .lower = lower_masked,
                       .domain = "coinfer"}};
const Register softmax{
    {.type = "Softmax", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};
const Register log_softmax{
    {.type = "LogSoftmax", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
