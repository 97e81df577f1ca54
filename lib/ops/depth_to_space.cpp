#include "kernels/strided_copy.hpp"
#include "ops/dimensions.hpp"

namespace coinfer::ops {
namespace {

std::int64_t block_of(const graph::Attributes& attributes, const InferContext& ctx) {
  const auto block = attributes.integer("blocksize", 0);
  if (block < 1 || block > 65536) {
    ctx.fail(fmt::format("the attribute 'blocksize' is {}", block));
  }
  return block;
}

Dimension divide(const InferContext& ctx, Dimension extent, std::int64_t by) {
  if (extent.is_dynamic()) {
    return Dimension{};
  }
  if (extent.length() % by != 0) {
    ctx.fail(fmt::format("an extent of {} is not divisible by {}", extent.length(), by));
  }
  return Dimension{extent.length() / by};
}

void check_mode(const InferContext& ctx) {
  const auto mode = ctx.attributes().text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") {
    ctx.fail(fmt::format("the attribute 'mode' is '{}'; DCR or CRD was expected", mode));
  }
}

void infer_depth_to_space(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 4, 4);
  const auto block = block_of(ctx.attributes(), ctx);
  check_mode(ctx);
  auto shape = ctx.shape(0);
  if (!shape.has_rank()) {
    shape = PartialShape::dynamic(4);
  }
  shape[1] = divide(ctx, shape[1], block * block);
  shape[2] = multiply(ctx, shape[2], block);
  shape[3] = multiply(ctx, shape[3], block);
  ctx.output(0, ctx.type(0), std::move(shape));
}

void infer_space_to_depth(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 4, 4);
  check_mode(ctx);
  const auto block = block_of(ctx.attributes(), ctx);
  auto shape = ctx.shape(0);
  if (!shape.has_rank()) {
    shape = PartialShape::dynamic(4);
  }
  shape[1] = multiply(ctx, shape[1], block * block);
  shape[2] = divide(ctx, shape[2], block);
  shape[3] = divide(ctx, shape[3], block);
  ctx.output(0, ctx.type(0), std::move(shape));
}

/// Copies a dense source of shape `split` to a dense destination whose dimension i is the source's
/// dimension order[i].
Kernel permute(ElementType type, const Shape& split, const std::array<std::size_t, 6>& order) {
  const auto steps = kernels::strides_of(split);
  Shape shape;
  Dims strides;
  for (const auto dim : order) {
    shape.push_back(split[dim]);
    strides.push_back(steps[dim]);
  }
  return [copy = kernels::StridedCopy{type, shape, strides, kernels::strides_of(shape)}](
             const void* const* src, void* const* dst) { copy(src[0], dst[0]); };
}

Kernel depth_to_space_kernel(const KernelContext& ctx) {
  const auto in = ctx.shape(0);
  const auto block = ctx.attributes().integer("blocksize", 1);
  const auto depth = in[1] / (block * block);
  if (ctx.attributes().text("mode", "DCR") == "CRD") {
    return permute(ctx.type(0), Shape{in[0], depth, block, block, in[2], in[3]},
                   {0, 1, 4, 2, 5, 3});
  }
  return permute(ctx.type(0), Shape{in[0], block, block, depth, in[2], in[3]}, {0, 3, 4, 1, 5, 2});
}

Kernel space_to_depth_kernel(const KernelContext& ctx) {
  const auto in = ctx.shape(0);
  const auto block = ctx.attributes().integer("blocksize", 1);
  return permute(ctx.type(0), Shape{in[0], in[1], in[2] / block, block, in[3] / block, block},
                 ctx.attributes().text("mode", "DCR") == "CRD"
                     ? std::array<std::size_t, 6>{0, 1, 3, 5, 2, 4}
                     : std::array<std::size_t, 6>{0, 3, 5, 1, 2, 4});
}

const Register depth_to_space{
    {.type = "DepthToSpace", .infer = infer_depth_to_space, .kernel = depth_to_space_kernel}};
const Register space_to_depth{
    {.type = "SpaceToDepth", .infer = infer_space_to_depth, .kernel = space_to_depth_kernel}};

}  // namespace
}  // namespace coinfer::ops
