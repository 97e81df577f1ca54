#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

/// Output axis -> input axis; reversed when the attribute is absent.
template <class Context>
std::vector<std::int64_t> order_of(const Context& ctx, std::int64_t rank) {
  if (auto order = ctx.attributes().integers("perm")) {
    if (static_cast<std::int64_t>(order->size()) != rank ||
        static_cast<std::int64_t>(normalize_axes(ctx, *order, rank).size()) != rank) {
      ctx.fail(
          fmt::format("perm [{}] does not fit an input of rank {}", fmt::join(*order, ","), rank));
    }
    for (auto& axis : *order) {
      axis = normalize_axis(ctx, axis, rank);
    }
    return *order;
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(rank));
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = rank - 1 - static_cast<std::int64_t>(i);
  }
  return order;
}

void infer(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto& from = ctx.shape(0);
  if (!from.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  PartialShape::Dimensions dims;
  for (const auto axis : order_of(ctx, from.rank())) {
    dims.push_back(from[static_cast<std::size_t>(axis)]);
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

Kernel kernel(const KernelContext& ctx) {
  const auto from = kernels::strides_of(ctx.shape(0));
  Dims strides;
  for (const auto axis : order_of(ctx, ctx.shape(0).rank())) {
    strides.push_back(from[static_cast<std::size_t>(axis)]);
  }
  const auto shape = ctx.output_shape(0);
  const kernels::StridedCopy copy{ctx.type(0), shape, strides, kernels::strides_of(shape)};
  return [copy](const void* const* src, void* const* dst) { copy(src[0], dst[0]); };
}

/// Always a view: who reads it asks for the layout that is needed.
bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto order = order_of(ctx, ctx.shape(0).rank());
  lowering.alias(node.outputs[0], transposed(lowering.view(node.inputs[0]), order));
  return true;
}

const Register transpose{
    {.type = "Transpose", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
