#include "ops/post_ops.hpp"
#include "ops/quantized.hpp"

namespace coinfer::ops {
namespace {

using Input = QuantizedInput;
using plan::Lowering;
using plan::View;

/// A constant that the first post-op adds to each row.
std::optional<View> bias_of(Lowering& lowering, const graph::Node& node, std::int64_t columns) {
  if (node.post_ops.empty()) {
    return std::nullopt;
  }
  const auto& first = node.post_ops[0];
  if (first.kind != graph::PostOp::Kind::binary ||
      static_cast<dnnl::algorithm>(first.algorithm) != dnnl::algorithm::binary_add ||
      !lowering.constant(first.operand) || lowering.view(first.operand).elements() != columns ||
      lowering.dims(first.operand).empty() || lowering.dims(first.operand).back() != columns) {
    return std::nullopt;
  }
  return lowering.plain(first.operand);
}

/// The rows of all leading extents are one matrix, since the weights are one.
bool lower(Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  const auto dst_dims = ctx.output_shape(0);
  const auto given = ctx.shape(Input::w);
  const auto& weights = lowering.constant(node.inputs[Input::w]);
  if (dst_dims.elements() == 0 || given.size() != 2 || given.elements() == 0 || !weights ||
      dst_dims.size() < 2) {
    return false;
  }
  const bool transposed = ctx.attributes().integer("transB", 0) != 0;
  const auto k = given[transposed ? 1 : 0];
  const auto n = given[transposed ? 0 : 1];
  const Shape rows{dst_dims.elements() / n, n};
  const auto a = reshaped(lowering.plain(node.inputs[Input::x]), {rows[0], k});
  auto b = lowering.plain(node.inputs[Input::w]);
  const std::int64_t swap[] = {1, 0};
  b = transposed ? plan::transposed(b, swap) : b;
  std::optional<View> bias;
  std::size_t first = 0;
  if (ctx.has(Input::bias)) {
    bias = lowering.plain(node.inputs[Input::bias]);
  } else if ((bias = bias_of(lowering, node, n))) {
    first = 1;
  }
  if (bias) {
    bias = reshaped(*bias, Shape{1, n});
  }
  const auto strides = plan::plain_strides(dst_dims);
  const auto desc_dst = desc_of(View{{}, 0, ctx.output_type(0), rows, plan::plain_strides(rows)});
  const bool quantises = ctx.has(Input::y_scale);
  const Quantization quantization{lowering, node, n, 1 << 1};
  const auto make = [&](const dnnl::memory::desc& desc, const dnnl::primitive_attr& attr) {
    return dnnl::matmul::primitive_desc{
        plan::engine(), desc_of(*a), desc, bias ? desc_of(*bias) : dnnl::memory::desc{},
        desc_dst,       attr,        true};
  };
  PostOps post_ops{lowering, node, strides, rows, !quantises, first};
  bool fused = post_ops.fits();
  const auto any = plan::any_desc(ElementType::i8, b.dims);
  auto attr = fused ? post_ops.attr() : plan::attributes();
  quantization.set(attr);
  auto primitive = make(any, attr);
  if (fused && first < node.post_ops.size() && !quantises &&
      (!primitive || plan::is_reference(primitive))) {
    auto alone = plan::attributes();
    quantization.set(alone);
    if (auto plain = make(any, alone)) {
      primitive = plain;
      fused = false;
    }
  }
  if (!primitive) {
    return false;
  }
  std::vector<plan::Argument> arguments{
      Lowering::argument(DNNL_ARG_SRC, *a),
      lowering.packed(DNNL_ARG_WEIGHTS, weights, b, primitive.weights_desc(),
                      quantization.weights_kind(primitive))};
  if (bias) {
    arguments.push_back(Lowering::argument(DNNL_ARG_BIAS, *bias));
  }
  const auto dst = fused ? post_ops.destination() : lowering.destination(node.outputs[0], strides);
  arguments.push_back(Lowering::argument(DNNL_ARG_DST, dst, desc_dst));
  if (fused) {
    post_ops.append_to(arguments);
  }
  quantization.append_to(arguments);
  lowering.add(primitive, dnnl::matmul{primitive}, std::move(arguments),
               {.flops = 2.0 * static_cast<double>(rows.elements() * k)});
  if (!fused) {
    lower_post_ops(lowering, node, first);
  }
  return true;
}

const Register matmul{{.type = "QuantizedMatMul",
                       .infer = infer_quantized,
                       .kernel = quantized_kernel,
                       .lower = lower,
                       .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
