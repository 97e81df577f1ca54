#include "kernels/strided_copy.hpp"
#include "ops/dimensions.hpp"

namespace coinfer::ops {
namespace {

void infer_tile(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  const auto repeats = ctx.integers(1);
  auto shape = ctx.shape(0);
  if (!shape.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  if (!repeats) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic(shape.rank()));
    return;
  }
  if (static_cast<std::int64_t>(repeats->size()) != shape.rank()) {
    ctx.fail(
        fmt::format("{} repeats were given for the shape {}", repeats->size(), shape.to_string()));
  }
  for (std::size_t i = 0; i < repeats->size(); ++i) {
    shape[i] = multiply(ctx, shape[i], (*repeats)[i]);
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

Kernel tile_kernel(const KernelContext& ctx) {
  const auto from = ctx.shape(0);
  const auto to = ctx.output_shape(0);
  const auto src_steps = kernels::strides_of(from);
  const auto dst_steps = kernels::strides_of(to);
  Shape shape;
  Dims src_strides;
  Dims dst_strides;
  for (std::size_t i = 0; i < from.size(); ++i) {
    shape.push_back(from[i] == 0 ? 0 : to[i] / from[i]);
    src_strides.push_back(0);
    dst_strides.push_back(dst_steps[i] * from[i]);
    shape.push_back(from[i]);
    src_strides.push_back(src_steps[i]);
    dst_strides.push_back(dst_steps[i]);
  }
  return [copy = kernels::StridedCopy{ctx.type(0), shape, src_strides, dst_strides}](
             const void* const* src, void* const* dst) { copy(src[0], dst[0]); };
}

const Register tile{{.type = "Tile", .since = 6, .infer = infer_tile, .kernel = tile_kernel}};

}  // namespace
}  // namespace coinfer::ops
