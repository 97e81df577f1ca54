#include <cmath>

#include "kernels/scale_shift.hpp"
#include "ops/op.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer(InferContext& ctx) {
  ctx.check_inputs(5, 5);
  if (ctx.attributes().integer("training_mode", 0) != 0) {
    ctx.fail("training mode is not supported");
  }
  if (ctx.attributes().integer("spatial", 1) != 1) {
    ctx.fail("spatial = 0 is not supported");
  }
  const auto& shape = ctx.shape(0);
  if (shape.has_rank() && shape.rank() > 1) {
    for (std::size_t i = 1; i < 5; ++i) {
      if (!PartialShape::merge(ctx.shape(i), PartialShape{shape[1]})) {
        ctx.fail(fmt::format("the input {} of shape {} does not fit an input of shape {}", i,
                             ctx.shape(i).to_string(), shape.to_string()));
      }
    }
  }
  ctx.output(0, ctx.type(0), shape);
  for (std::size_t i = 1; i < ctx.outputs(); ++i) {
    ctx.output(i, ctx.type(3), ctx.shape(3));
  }
}

Kernel kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  if (shape.size() < 2) {
    ctx.fail(fmt::format("the input has the shape {}; a rank of at least 2 was expected",
                         shape.to_string()));
  }
  const auto channels = shape[1];
  const auto batch = shape[0];
  std::int64_t plane = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    plane *= shape[i];
  }
  const auto epsilon = ctx.attributes().real("epsilon", 1e-5F);
  Kernel kernel;
  bool known = false;
  with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
    known = with_float(ctx.type(1), [&]<class S>(std::type_identity<S>) {
      with_float(ctx.type(3), [&]<class M>(std::type_identity<M>) {
        using Wide = wide_of<T>;
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* x = static_cast<const T*>(src[0]);
          auto* y = static_cast<T*>(dst[0]);
          for (std::int64_t row = 0; row < batch * channels; ++row) {
            const auto c = row % channels;
            const auto mean = static_cast<Wide>(static_cast<const M*>(src[3])[c]);
            const auto variance = static_cast<Wide>(static_cast<const M*>(src[4])[c]);
            const auto scale = static_cast<Wide>(static_cast<const S*>(src[1])[c]) /
                               std::sqrt(variance + static_cast<Wide>(epsilon));
            const auto shift = static_cast<Wide>(static_cast<const S*>(src[2])[c]);
            for (std::int64_t i = row * plane; i < (row + 1) * plane; ++i) {
              y[i] = static_cast<T>((static_cast<Wide>(x[i]) - mean) * scale + shift);
            }
          }
        };
      });
    });
  });
  if (!known || !kernel) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

/// One product and sum a channel, when the parameters are constant.
bool lower_scale_shift(plan::Lowering& lowering, const graph::Node& node, const plan::View& src,
                       bool relu) {
  std::array<const float*, 5> given{};
  for (std::size_t i = 1; i < 5; ++i) {
    const auto& constant = lowering.constant(node.inputs[i]);
    if (!constant || !constant.is_continuous()) {
      return false;
    }
    given[i] = constant.data<float>();
  }
  const double epsilon = node.attributes.real("epsilon", 1e-5F);
  const auto channels = src.dims[1];
  Tensor scale{ElementType::f32, {channels}};
  Tensor shift{ElementType::f32, {channels}};
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto factor = given[1][c] / std::sqrt(given[4][c] + epsilon);
    scale.data<float>()[c] = static_cast<float>(factor);
    shift.data<float>()[c] = static_cast<float>(given[2][c] - given[3][c] * factor);
  }
  const plan::View sources[] = {src, lowering.view_of(scale), lowering.view_of(shift)};
  const auto dst = lowering.result_over(node.inputs[0], src, node.outputs[0]);
  lowering.add(
      kernels::scale_shift(src.elements() / channels, channels, relu, src.type == ElementType::bf16,
                           lowering.threads()),
      sources, {&dst, 1},
      {.flops = 2.0 * static_cast<double>(src.elements()), .implementation = "scale_shift"});
  if (!relu) {
    lower_post_ops(lowering, node);
  }
  return true;
}

bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto dims = ctx.shape(0);
  if (dims.elements() == 0 || dims.size() < 2 || dims.size() > 5) {
    return false;
  }
  if (!plan::is_f32_or_bf16(ctx.type(0))) {
    return false;
  }
  for (std::size_t i = 1; i < 5; ++i) {
    if (ctx.type(i) != ElementType::f32) {
      return false;
    }
  }
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (lowering.is_needed(node.outputs[i])) {
      return false;
    }
  }
  auto src = lowering.view(node.inputs[0]);
  if (!src.is_plain() && !src.is_channels_last()) {
    src = lowering.channels_last(node.inputs[0]);
  }
  const auto desc = desc_of(src);
  PostOps post_ops{lowering, node, src.strides, dims, false};
  // Of oneDNN's post-ops only one relu.
  const auto& given = node.post_ops;
  const bool fused =
      given.size() == 1 && given[0].kind == graph::PostOp::Kind::eltwise &&
      static_cast<dnnl::algorithm>(given[0].algorithm) == dnnl::algorithm::eltwise_relu &&
      given[0].alpha == 0;
  if (src.is_channels_last() && lower_scale_shift(lowering, node, src, fused)) {
    return true;
  }
  using Flags = dnnl::normalization_flags;
  const dnnl::batch_normalization_forward::primitive_desc primitive{
      plan::engine(),
      dnnl::prop_kind::forward_inference,
      desc,
      desc,
      ctx.attributes().real("epsilon", 1e-5F),
      Flags::use_global_stats | Flags::use_scale | Flags::use_shift,
      fused ? post_ops.attr() : plan::attributes(),
      true};
  if (!primitive) {
    return false;
  }
  const auto dst = lowering.result_over(node.inputs[0], src, node.outputs[0]);
  using plan::Lowering;
  lowering.add(primitive, dnnl::batch_normalization_forward{primitive},
               {Lowering::argument(DNNL_ARG_SRC, src), Lowering::argument(DNNL_ARG_DST, dst, desc),
                Lowering::argument(DNNL_ARG_SCALE, lowering.plain(node.inputs[1])),
                Lowering::argument(DNNL_ARG_SHIFT, lowering.plain(node.inputs[2])),
                Lowering::argument(DNNL_ARG_MEAN, lowering.plain(node.inputs[3])),
                Lowering::argument(DNNL_ARG_VARIANCE, lowering.plain(node.inputs[4]))},
               {.flops = 2.0 * static_cast<double>(dims.elements())});
  if (!fused) {
    lower_post_ops(lowering, node);
  }
  return true;
}

const Register batch_normalization{
    {.type = "BatchNormalization", .since = 7, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
