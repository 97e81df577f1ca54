#include <cmath>

#include "ops/op.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 3, 5);
  if (ctx.attributes().integer("size", 0) < 1) {
    ctx.fail(fmt::format("size is {}", ctx.attributes().integer("size", 0)));
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

Kernel kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto channels = shape[1];
  std::int64_t plane = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    plane *= shape[i];
  }
  const auto batch = shape[0];
  const auto size = ctx.attributes().integer("size", 1);
  const auto alpha = ctx.attributes().real("alpha", 1e-4F);
  const auto beta = ctx.attributes().real("beta", 0.75F);
  const auto bias = ctx.attributes().real("bias", 1.0F);
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        using Wide = wide_of<T>;
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* x = static_cast<const T*>(src[0]);
          auto* y = static_cast<T*>(dst[0]);
          for (std::int64_t n = 0; n < batch; ++n, x += channels * plane, y += channels * plane) {
            for (std::int64_t c = 0; c < channels; ++c) {
              const auto begin = std::max<std::int64_t>(c - (size - 1) / 2, 0);
              const auto end = std::min(c + size / 2 + 1, channels);
              for (std::int64_t i = 0; i < plane; ++i) {
                Wide sum = 0;
                for (auto k = begin; k < end; ++k) {
                  const auto value = static_cast<Wide>(x[k * plane + i]);
                  sum += value * value;
                }
                y[c * plane + i] = static_cast<T>(
                    static_cast<Wide>(x[c * plane + i]) /
                    std::pow(static_cast<Wide>(bias) +
                                 static_cast<Wide>(alpha) / static_cast<Wide>(size) * sum,
                             static_cast<Wide>(beta)));
              }
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
  const auto size = ctx.attributes().integer("size", 1);
  if (ctx.type(0) != ElementType::f32 || dims.elements() == 0 || size % 2 == 0) {
    return false;
  }
  const auto src = lowering.channels_last(node.inputs[0]);
  const auto desc = desc_of(src);
  const dnnl::lrn_forward::primitive_desc primitive{plan::engine(),
                                                    dnnl::prop_kind::forward_inference,
                                                    dnnl::algorithm::lrn_across_channels,
                                                    desc,
                                                    desc,
                                                    size,
                                                    ctx.attributes().real("alpha", 1e-4F),
                                                    ctx.attributes().real("beta", 0.75F),
                                                    ctx.attributes().real("bias", 1.0F),
                                                    plan::attributes(),
                                                    true};
  if (!primitive) {
    return false;
  }
  const auto dst = lowering.destination(node.outputs[0], src.strides);
  lowering.add(primitive, dnnl::lrn_forward{primitive},
               {plan::Lowering::argument(DNNL_ARG_SRC, src),
                plan::Lowering::argument(DNNL_ARG_DST, dst, desc)},
               {.flops = static_cast<double>(dims.elements() * (size + 2))});
  return true;
}

const Register lrn{{.type = "LRN", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
