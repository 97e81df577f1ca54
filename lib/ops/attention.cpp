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

using Ranges = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// What parts with these matrices of the batch touch of an operand whose heads lie beside one
/// another in rows.
plan::Reach reach_of(const Attention& form, const Attention::Matrix& matrix, std::int64_t rows,
                     std::int64_t columns, const Ranges& parts) {
  constexpr auto bytes = static_cast<std::int64_t>(sizeof(float));
  const bool by_rows = matrix.column == 1;
  const auto period = by_rows ? matrix.row : matrix.column;
  const auto length = by_rows ? columns : rows;
  if (period <= 0) {
    return {};
  }
  plan::Reach reach{period * bytes, {}};
  for (const auto& [first, end] : parts) {
    auto least = period;
    std::int64_t most = 0;
    for (auto i = first; i < end; ++i) {
      const auto at = matrix.offset(form.batch, i) % period;
      least = std::min(least, at);
      most = std::max(most, at + length);
    }
    if (least < 0 || most > period) {
      return {};
    }
    reach.parts.emplace_back(least * bytes, most * bytes);
  }
  return reach;
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
  const plan::Cost cost{.flops = scores * static_cast<double>(2 * (form.depth + form.width)),
                        .implementation = f32 ? "kernel" : "amx"};
  if (!f32) {
    lowering.add(kernels::attention(form, threads), sources, destinations, cost);
    return true;
  }
  auto parts = kernels::attention_f32(form, threads);
  const auto matrices = kernels::attention_f32_matrices(form, parts.count);
  std::vector<plan::Reach> reaches{reach_of(form, form.q, form.rows, form.depth, matrices),
                                   reach_of(form, form.k, form.depth, form.keys, matrices),
                                   reach_of(form, form.v, form.keys, form.width, matrices)};
  if (form.has_mask) {
    reaches.emplace_back();
  }
  reaches.push_back(reach_of(form, form.result, form.rows, form.width, matrices));
  reaches.push_back(plan::consecutive(parts.count, scratch / threads));
  lowering.add(std::move(parts), sources, destinations, std::move(reaches), cost);
  return true;
}

const Register attention{
    {.type = "Attention", .since = 1, .infer = infer, .lower = lower, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
