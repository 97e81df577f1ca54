#include <cmath>

#include "kernels/broadcast.hpp"
#include "kernels/layer_norm.hpp"
#include "ops/op.hpp"
#include "ops/panels.hpp"
#include "ops/types.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

void infer(InferContext& ctx) {
  ctx.check_inputs(2, 3);
  const auto& shape = ctx.shape(0);
  ctx.output(0, ctx.type(0), shape);
  if (!shape.has_rank()) {
    ctx.output(1, ElementType::f32, PartialShape::dynamic());
    ctx.output(2, ElementType::f32, PartialShape::dynamic());
    return;
  }
  const auto axis = normalize_axis(ctx, ctx.attributes().integer("axis", -1), shape.rank());
  auto dims = shape.dimensions();
  std::fill(dims.begin() + axis, dims.end(), Dimension{1});
  const auto type = ctx.attributes().integer("stash_type", 1) == 1 ? ElementType::f32 : ctx.type(0);
  ctx.output(1, type, PartialShape{dims});
  ctx.output(2, type, PartialShape{dims});
}

struct Rows {
  std::int64_t count = 1;
  std::int64_t length = 1;
  Shape inner;
};

Rows rows_of(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axis = normalize_axis(ctx, ctx.attributes().integer("axis", -1), shape.rank());
  Rows rows;
  for (std::int64_t i = 0; i < shape.rank(); ++i) {
    const auto extent = shape[static_cast<std::size_t>(i)];
    (i < axis ? rows.count : rows.length) *= extent;
    if (i >= axis) {
      rows.inner.push_back(extent);
    }
  }
  return rows;
}

Kernel kernel(const KernelContext& ctx) {
  const auto rows = rows_of(ctx);
  const auto epsilon = ctx.attributes().real("epsilon", 1e-5F);
  const bool has_bias = ctx.has(2);
  const bool has_mean = ctx.has_output(1);
  const bool has_deviation = ctx.has_output(2);
  const kernels::Broadcast<2> walk{rows.inner, {ctx.shape(1), has_bias ? ctx.shape(2) : Shape{}}};
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        using Wide = wide_of<T>;
        kernel = [=](const void* const* src, void* const* dst) {
          for (std::int64_t row = 0; row < rows.count; ++row) {
            const auto* x = static_cast<const T*>(src[0]) + row * rows.length;
            auto* y = static_cast<T*>(dst[0]) + row * rows.length;
            Wide mean = 0;
            for (std::int64_t i = 0; i < rows.length; ++i) {
              mean += static_cast<Wide>(x[i]);
            }
            mean /= static_cast<Wide>(rows.length);
            Wide variance = 0;
            for (std::int64_t i = 0; i < rows.length; ++i) {
              const auto distance = static_cast<Wide>(x[i]) - mean;
              variance += distance * distance;
            }
            variance /= static_cast<Wide>(rows.length);
            const auto inverse = 1 / std::sqrt(variance + static_cast<Wide>(epsilon));
            walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
              const auto* scale = static_cast<const T*>(src[1]) + at[0];
              const auto* bias = has_bias ? static_cast<const T*>(src[2]) + at[1] : nullptr;
              for (std::int64_t i = 0; i < walk.row(); ++i) {
                const auto normal = (static_cast<Wide>(x[at_dst + i]) - mean) * inverse;
                const auto shift =
                    bias != nullptr ? static_cast<Wide>(bias[i * walk.step(1)]) : Wide{0};
                y[at_dst + i] =
                    static_cast<T>(normal * static_cast<Wide>(scale[i * walk.step(0)]) + shift);
              }
            });
            if (has_mean) {
              static_cast<Wide*>(dst[1])[row] = mean;
            }
            if (has_deviation) {
              static_cast<Wide*>(dst[2])[row] = inverse;
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

/// Numbers that each thread normalises for itself in less time than it takes to share the work.
constexpr std::int64_t most_copied = 8192;

bool is_copy_read(const plan::Lowering& lowering, graph::ValueId id) {
  const auto& readers = lowering.uses().readers(id);
  return std::any_of(readers.begin(), readers.end(), [&](auto reader) {
    const auto& node = lowering.graph().nodes[reader];
    return node.inputs[0] == id && may_read_copies(lowering, node);
  });
}

bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto dims = ctx.shape(0);
  if (ctx.type(0) != ElementType::f32 || dims.elements() == 0) {
    return false;
  }
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (lowering.is_needed(node.outputs[i])) {
      return false;
    }
  }
  const auto rows = rows_of(ctx);
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (ctx.has(i) && (ctx.shape(i).elements() != rows.length || ctx.type(i) != ElementType::f32)) {
      return false;
    }
  }
  // It may round its result to bf16 itself.
  const auto type = lowering.type(node.outputs[0]);
  if (type != ElementType::f32 && type != ElementType::bf16) {
    return false;
  }
  const kernels::LayerNorm form{.rows = rows.count,
                                .length = rows.length,
                                .epsilon = ctx.attributes().real("epsilon", 1e-5F),
                                .has_shift = ctx.has(2),
                                .bf16 = type == ElementType::bf16};
  std::vector<plan::View> sources{lowering.plain(node.inputs[0]), lowering.plain(node.inputs[1])};
  if (form.has_shift) {
    sources.push_back(lowering.plain(node.inputs[2]));
  }
  const plan::Cost cost{.flops = 8.0 * static_cast<double>(dims.elements())};
  const auto threads = lowering.threads();
  if (!form.bf16 && dims.elements() <= most_copied && !lowering.uses().is_output(node.outputs[0]) &&
      is_copy_read(lowering, node.outputs[0])) {
    const auto dst = lowering.copies(node.outputs[0], threads);
    const auto bytes = lowering.copy_bytes(node.outputs[0], dst);
    std::vector<plan::Reach> reaches(sources.size());
    reaches.push_back(plan::consecutive(threads, bytes));
    lowering.add(
        kernels::layer_norm_copies(form, threads, bytes / static_cast<std::int64_t>(sizeof(float))),
        sources, {&dst, 1}, std::move(reaches), cost);
    return true;
  }
  const auto dst = form.bf16 ? lowering.destination(node.outputs[0], sources[0].strides)
                             : lowering.result_over(node.inputs[0], sources[0], node.outputs[0]);
  lowering.add(kernels::layer_norm(form, threads), sources, {&dst, 1}, cost);
  return true;
}

const Register layer_normalization{
    {.type = "LayerNormalization", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
