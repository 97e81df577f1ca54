#include "kernels/copy.hpp"
#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

/// Equal parts; from opset 18 on the last may be smaller.
std::vector<std::int64_t> equal_parts(const InferContext& ctx, std::int64_t extent) {
  const auto count = static_cast<std::int64_t>(ctx.outputs());
  if (ctx.opset() < 18 && extent % count != 0) {
    ctx.fail(
        fmt::format("an axis of {} elements does not split into {} equal parts", extent, count));
  }
  const auto part = (extent + count - 1) / count;
  std::vector<std::int64_t> parts(static_cast<std::size_t>(count), part);
  auto rest = extent;
  for (auto& length : parts) {
    length = std::min(length, rest);
    rest -= length;
  }
  return parts;
}

void infer_split(InferContext& ctx) {
  ctx.check_inputs(1, 2);
  if (ctx.outputs() == 0) {
    ctx.fail("there are no outputs");
  }
  const auto given = ctx.integers("split", 1);
  const auto count =
      ctx.attributes().integer("num_outputs", static_cast<std::int64_t>(ctx.outputs()));
  if (count != static_cast<std::int64_t>(ctx.outputs())) {
    ctx.fail(fmt::format("num_outputs is {}, but {} outputs are there", count, ctx.outputs()));
  }
  const auto& shape = ctx.shape(0);
  if (!shape.has_rank()) {
    for (std::size_t i = 0; i < ctx.outputs(); ++i) {
      ctx.output(i, ctx.type(0), PartialShape::dynamic());
    }
    return;
  }
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 0), shape.rank()));
  std::optional<std::vector<std::int64_t>> parts = given.values;
  if (!given.present && shape[axis].is_static()) {
    parts = equal_parts(ctx, shape[axis].length());
  }
  if (parts) {
    std::int64_t sum = 0;
    bool sound = parts->size() == ctx.outputs();
    for (const auto part : *parts) {
      sound = sound && part >= 0 && !__builtin_add_overflow(sum, part, &sum);
    }
    if (!sound || !shape[axis].contains(sum)) {
      ctx.fail(fmt::format("the parts {} do not split an axis of {} elements into {} outputs",
                           *parts, shape[axis].to_string(), ctx.outputs()));
    }
  }
  for (std::size_t i = 0; i < ctx.outputs(); ++i) {
    auto part = ctx.shape(0);
    part[axis] = parts ? Dimension{(*parts)[i]} : Dimension{0, part[axis].max_length()};
    ctx.output(i, ctx.type(0), std::move(part));
  }
}

/// Where each part starts along the axis.
std::vector<std::int64_t> starts_of(const KernelContext& ctx, std::int64_t extent) {
  const auto given = ctx.integers("split", 1);
  const auto count = static_cast<std::int64_t>(ctx.outputs());
  std::vector<std::int64_t> starts;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < ctx.outputs(); ++i) {
    starts.push_back(start);
    start += given ? (*given)[i] : std::min(extent - start, (extent + count - 1) / count);
  }
  return starts;
}

Kernel split_kernel(const KernelContext& ctx) {
  const auto from = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 0), from.rank()));
  const auto strides = kernels::strides_of(from);
  const auto starts = starts_of(ctx, from[axis]);
  std::vector<std::optional<kernels::StridedCopy>> copies(ctx.outputs());
  for (std::size_t i = 0; i < ctx.outputs(); ++i) {
    if (ctx.has_output(i)) {
      const auto to = ctx.output_shape(i);
      copies[i].emplace(ctx.type(0), to, strides, kernels::strides_of(to),
                        starts[i] * strides[axis]);
    }
  }
  return [copies](const void* const* src, void* const* dst) {
    for (std::size_t i = 0; i < copies.size(); ++i) {
      if (copies[i]) {
        (*copies[i])(src[0], dst[i]);
      }
    }
  };
}

/// Copies each part out of the whole as it lies, in one step.
void copy_parts(plan::Lowering& lowering, const graph::Node& node, const plan::View& whole,
                const std::vector<plan::View>& parts) {
  struct Part {
    std::int64_t offset;  // bytes from the start of the whole
    Kernel copy;
  };
  std::vector<Part> copies;
  std::vector<plan::View> results;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i >= node.outputs.size() || !node.outputs[i]) {
      continue;
    }
    results.push_back(lowering.destination(node.outputs[i]));
    copies.push_back({parts[i].offset - whole.offset,
                      kernels::strided_copy(size_of(whole.type), parts[i].dims, parts[i].strides,
                                            results.back().strides, lowering.threads())});
  }
  lowering.add(
      [copies](const void* const* src, void* const* dst) {
        for (std::size_t i = 0; i < copies.size(); ++i) {
          const void* from = static_cast<const std::byte*>(src[0]) + copies[i].offset;
          copies[i].copy(&from, dst + i);
        }
      },
      {&whole, 1}, results, {.implementation = "copy"});
}

/// Parts that are each one block of memory are no work at all.
bool lower_split(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto whole = lowering.view(node.inputs[0]);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 0), ctx.shape(0).rank()));
  const auto starts = starts_of(ctx, whole.dims[axis]);
  std::vector<plan::View> parts;
  bool dense = true;
  for (std::size_t i = 0; i < ctx.outputs(); ++i) {
    parts.push_back(whole);
    if (!ctx.has_output(i)) {
      continue;
    }
    parts[i].dims = ctx.output_shape(i);
    parts[i].offset +=
        starts[i] * whole.strides[axis] * static_cast<std::int64_t>(size_of(whole.type));
    if (parts[i].elements() == 0) {
      return false;
    }
    dense = dense && parts[i].is_dense();
  }
  if (!dense) {
    if (whole.type == ElementType::string) {
      return false;
    }
    copy_parts(lowering, node, whole, parts);
    return true;
  }
  for (std::size_t i = 0; i < ctx.outputs(); ++i) {
    if (ctx.has_output(i)) {
      lowering.alias(node.outputs[i], std::move(parts[i]));
    }
  }
  return true;
}

const Register split{{.type = "Split",
                      .since = 2,
                      .infer = infer_split,
                      .kernel = split_kernel,
                      .lower = lower_split}};

}  // namespace
}  // namespace coinfer::ops
