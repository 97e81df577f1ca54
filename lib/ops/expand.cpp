#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

void infer_expand(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  const auto extents = ctx.integers(1);
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

const Register expand{
    {.type = "Expand", .since = 8, .infer = infer_expand, .kernel = expand_kernel}};

}  // namespace
}  // namespace coinfer::ops
