#include "kernels/copy.hpp"
#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

void infer(InferContext& ctx) {
  ctx.check_inputs(1, SIZE_MAX);
  auto result = ctx.shape(0);
  for (std::size_t i = 1; i < ctx.inputs(); ++i) {
    if (ctx.type(i) != ctx.type(0) && ctx.type(i) != ElementType::dynamic &&
        ctx.type(0) != ElementType::dynamic) {
      ctx.fail(fmt::format("the inputs are of types {} and {}; equal types were expected",
                           name_of(ctx.type(0)), name_of(ctx.type(i))));
    }
    if (!result.has_rank()) {
      result = ctx.shape(i);
    }
  }
  if (!result.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 1), result.rank()));
  std::int64_t least = 0;
  bool known = true;
  for (std::size_t i = 0; i < ctx.inputs(); ++i) {
    const auto& shape = ctx.shape(i);
    if (!shape.has_rank()) {
      known = false;
      continue;
    }
    const auto fail = [&] {
      ctx.fail(fmt::format("inputs of shapes {} and {} cannot be joined along the axis {}",
                           result.to_string(), shape.to_string(), axis));
    };
    if (shape.rank() != result.rank()) {
      fail();
    }
    known = known && shape[axis].is_static();
    least += shape[axis].min_length();
    for (std::size_t k = 0; k < result.dimensions().size(); ++k) {
      if (k == axis) {
        continue;
      }
      const auto both = Dimension::merge(result[k], shape[k]);
      if (!both) {
        fail();
      }
      result[k] = *both;
    }
  }
  result[axis] = known ? Dimension{least} : Dimension{least, Dimension::unbounded};
  ctx.output(0, ctx.type(0), result);
}

Kernel kernel(const KernelContext& ctx) {
  const auto dst = ctx.output_shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 1), dst.rank()));
  const auto strides = kernels::strides_of(dst);
  std::vector<kernels::StridedCopy> copies;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < ctx.inputs(); ++i) {
    const auto src = ctx.shape(i);
    copies.emplace_back(ctx.type(0), src, kernels::strides_of(src), strides, 0, at * strides[axis]);
    at += src[axis];
  }
  return [copies](const void* const* src, void* const* dst_memory) {
    for (std::size_t i = 0; i < copies.size(); ++i) {
      copies[i](src[i], dst_memory[0]);
    }
  };
}

/// Channels-last when most of the elements lie so.
bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  if (ctx.output_type(0) == ElementType::string) {
    return false;
  }
  const auto dims = ctx.output_shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 1), dims.rank()));
  std::int64_t last = 0;
  std::int64_t plain = 0;
  for (const auto id : node.inputs) {
    const auto& view = lowering.view(id);
    (view.is_channels_last() && !view.is_plain() ? last : plain) += view.elements();
  }
  const bool channels_last = last > plain;
  const auto dst =
      lowering.destination(node.outputs[0], channels_last ? plan::channels_last_strides(dims)
                                                          : plan::plain_strides(dims));
  std::vector<plan::View> sources;
  std::vector<plan::View> parts;
  auto part = dst;
  for (const auto id : node.inputs) {
    const auto src = lowering.view(id);
    part.dims = src.dims;
    if (src.elements() != 0) {
      sources.push_back(src);
      parts.push_back(part);
    }
    part.offset +=
        src.dims[axis] * dst.strides[axis] * static_cast<std::int64_t>(size_of(dst.type));
  }
  std::vector<kernels::CopyPart> copies;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    copies.push_back({sources[i].dims, sources[i].strides, parts[i].strides});
  }
  lowering.add(kernels::strided_copies(size_of(dst.type), copies, lowering.threads()), sources,
               parts, {.implementation = "concat"});
  return true;
}

const Register concat{
    {.type = "Concat", .since = 4, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
