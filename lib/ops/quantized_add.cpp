#include "kernels/quantize.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

/// coinfer.QuantizedAdd: the sum of two 8-bit tensors of one shape, in 8 bits. `scales` and `zeros`
/// are those of both operands and of the result; with `relu` the result is not below zero.
struct Form {
  std::array<kernels::Steps, 3> steps;
  bool relu = false;

  explicit Form(const KernelContext& ctx) {
    const auto scales = ctx.attributes().reals("scales");
    const auto zeros = ctx.attributes().reals("zeros");
    if (!scales || !zeros || scales->size() != 3 || zeros->size() != 3) {
      ctx.fail("three scales and zero points were expected");
    }
    for (std::size_t i = 0; i < 3; ++i) {
      const auto type = i < 2 ? ctx.type(i) : ctx.output_type(0);
      steps[i] = {(*scales)[i], (*zeros)[i], type == ElementType::i8};
    }
    relu = ctx.attributes().integer("relu", 0) != 0;
  }
  Kernel kernel(std::int64_t count, int threads) const {
    return kernels::add_quantized(count, steps[0], steps[1], steps[2], relu, threads);
  }
};

void infer(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(0, {ElementType::u8, ElementType::i8});
  ctx.check_type(1, {ElementType::u8, ElementType::i8});
  const bool is_signed = ctx.attributes().integer("signed", 0) != 0;
  ctx.output(0, is_signed ? ElementType::i8 : ElementType::u8, ctx.shape(0));
}

Kernel kernel(const KernelContext& ctx) {
  return Form{ctx}.kernel(ctx.output_shape(0).elements(), 1);
}

bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  auto a = lowering.view(node.inputs[0]);
  if (!a.is_dense()) {
    a = lowering.plain(node.inputs[0]);
  }
  const auto b = lowering.with_strides(node.inputs[1], a.strides);
  const auto dst = lowering.destination(node.outputs[0], a.strides);
  const plan::View sources[] = {a, b};
  const auto count = ctx.output_shape(0).elements();
  lowering.add(Form{ctx}.kernel(count, lowering.threads()), sources, {&dst, 1},
               {.flops = static_cast<double>(count), .implementation = "add_int8"});
  return true;
}

const Register add{{.type = "QuantizedAdd",
                    .infer = infer,
                    .kernel = kernel,
                    .lower = lower,
                    .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
