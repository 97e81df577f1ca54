#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

void infer_expand(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  const auto extents = ctx.integers(1);
  const auto bounds = ctx.bounds(1);
  if (!extents && bounds && ctx.shape(1).rank() == 1) {
    PartialShape::Dimensions dims;
    for (const auto& extent : *bounds) {
      dims.push_back(extent_of(extent));
    }
    ctx.output(0, ctx.type(0), broadcast(ctx, ctx.shape(0), PartialShape{std::move(dims)}));
    return;
  }
  if (!extents) {
    const auto& count = ctx.shape(1);
    const auto known = count.rank() == 1 && count[0].is_static() && ctx.shape(0).has_rank() &&
                       count[0].length() <= 64;
    ctx.output(0, ctx.type(0),
               known ? PartialShape::dynamic(std::max(ctx.shape(0).rank(), count[0].length()))
                     : PartialShape::dynamic());
    return;
  }
  PartialShape::Dimensions dims;
  for (const auto extent : *extents) {
    if (extent < 0) {
      ctx.fail(fmt::format("the shape asked for has the negative extent {}", extent));
    }
    dims.push_back(Dimension{extent});
  }
  ctx.output(0, ctx.type(0), broadcast(ctx, ctx.shape(0), PartialShape{std::move(dims)}));
}

Kernel expand_kernel(const KernelContext& ctx) {
  const auto from = ctx.shape(0);
  const auto to = ctx.output_shape(0);
  const auto steps = kernels::strides_of(from);
  Dims strides(to.size(), 0);
  const auto missing = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) {
    strides[missing + i] = from[i] == 1 ? 0 : steps[i];
  }
  return [copy = kernels::StridedCopy{ctx.type(0), to, strides, kernels::strides_of(to)}](
             const void* const* src, void* const* dst) { copy(src[0], dst[0]); };
}

/// Expanding to the shape that is there already, as dynamic models do, is no work.
bool lower_expand(plan::Lowering& lowering, const graph::Node& node) {
  const auto to = lowering.dims(node.outputs[0]);
  if (to.elements() != lowering.dims(node.inputs[0]).elements()) {
    return false;
  }
  auto view = plan::reshaped(lowering.view(node.inputs[0]), to);
  if (!view) {
    return false;
  }
  lowering.alias(node.outputs[0], std::move(*view));
  return true;
}

const Register expand{{.type = "Expand",
                       .since = 8,
                       .infer = infer_expand,
                       .kernel = expand_kernel,
                       .lower = lower_expand}};

}  // namespace
}  // namespace coinfer::ops
