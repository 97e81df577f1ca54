// Attention's two products and the softmax between them as one step: made by the plan's fusion.
#include "kernels/attention.hpp"

#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

using kernels::Attention;
using plan::View;

void infer(InferContext& ctx) {
  ctx.check_inputs(3, 4);
  ctx.output(0, ctx.type(0), PartialShape::dynamic());
}

/// Strides of a matrix, and of those before it in a batch: zero where it is broadcast.
Attention::Matrix matrix_of(const View& view, std::size_t rank) {
  const auto full = plan::padded(view, rank);
  Attention::Matrix matrix;
  for (std::size_t i = 0; i + 2 < rank; ++i) {
    matrix.batch.push_back(full.dims[i] == 1 ? 0 : full.strides[i]);
  }
  matrix.row = full.dims[rank - 2] == 1 ? 0 : full.strides[rank - 2];
  matrix.column = full.strides[rank - 1];
  return matrix;
}

/// The operand with its rows dense, or its columns where `columns` may be.
View operand(plan::Lowering& lowering, graph::ValueId id, bool columns) {
  const auto& view = lowering.view(id);
  const auto rank = view.dims.size();
  if (view.strides[rank - 1] == 1 || (columns && view.strides[rank - 2] == 1)) {
    return view;
  }
  return lowering.plain(id);
}

bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const auto dims = lowering.dims(node.outputs[0]);
  const auto rank = dims.size();
  std::vector<View> sources{operand(lowering, node.inputs[0], false),
                            operand(lowering, node.inputs[1], true),
                            operand(lowering, node.inputs[2], true)};
  Attention form;
  form.batch.assign(dims.begin(), dims.end() - 2);
  form.rows = dims[rank - 2];
  form.width = dims[rank - 1];
  form.depth = sources[0].dims.back();
  form.keys = sources[1].dims.back();
  form.q = matrix_of(sources[0], rank);
  form.k = matrix_of(sources[1], rank);
  form.v = matrix_of(sources[2], rank);
  form.scale = node.attributes.real("scale", 1);
  form.f32_result = lowering.type(node.outputs[0]) == ElementType::f32;
  if (node.has_input(3)) {
    sources.push_back(operand(lowering, node.inputs[3], false));
    form.mask = matrix_of(sources.back(), rank);
    form.has_mask = true;
  }
  auto strides = plan::plain_strides(dims);
  if (const auto* wanted = lowering.wanted_strides(node.outputs[0]);
      wanted != nullptr && wanted->back() == 1) {
    strides = *wanted;
  }
  const auto result = lowering.destination(node.outputs[0], strides);
  form.result = matrix_of(result, rank);
  const bool f32 = lowering.type(node.inputs[0]) == ElementType::f32;
  const auto threads = lowering.threads();
  const auto scratch = f32 ? kernels::attention_f32_scratch_bytes(form, threads)
                           : kernels::attention_scratch_bytes(form, threads);
  const View destinations[] = {result, lowering.temporary(scratch)};
  const auto scores = static_cast<double>(dims.elements() / form.width * form.keys);
  lowering.add(f32 ? kernels::attention_f32(form, threads) : kernels::attention(form, threads),
               sources, destinations,
               {.flops = scores * static_cast<double>(2 * (form.depth + form.width)),
                .implementation = f32 ? "kernel" : "amx"});
  return true;
}

const Register attention{
    {.type = "Attention", .since = 1, .infer = infer, .lower = lower, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
