#include "ops/post_ops.hpp"

#include "ops/channel_scale.hpp"
#include "ops/eltwise.hpp"

namespace coinfer::ops {
namespace {

using plan::Lowering;
using plan::View;

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.size() != to.size()) {
    return false;
  }
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (from[i] != to[i] && from[i] != 1) {
      return false;
    }
  }
  return true;
}

/// `view` (extents of the node's result or 1) under the primitive's extents; nullopt when merging
/// leading extents would need a copy or mixes broadcast ones.
std::optional<View> in_extents(const View& view, const Shape& dst, const Shape& primitive) {
  if (dst == primitive) {
    return view;
  }
  if (view.dims == dst) {
    return reshaped(view, primitive);
  }
  Shape merged(primitive.size(), 1);
  for (std::size_t i = 0; i + 1 < view.dims.size(); ++i) {
    if (view.dims[i] != 1) {
      return std::nullopt;
    }
  }
  merged.back() = view.dims.back();
  return reshaped(view, merged);
}

double count_of(const Shape& dims) { return static_cast<double>(dims.elements()); }

}  // namespace

PostOps::PostOps(Lowering& lowering, const graph::Node& node, const Dims& strides,
                 const Shape& primitive_dims, bool allow_sum, std::size_t first)
    : lowering_{lowering}, node_{node}, strides_{strides}, attr_{plan::attributes()} {
  for (auto i = first; i < node.post_ops.size() && fits_; ++i) {
    const auto& post_op = node.post_ops[i];
    if (post_op.kind == graph::PostOp::Kind::eltwise) {
      ops_.append_eltwise(static_cast<dnnl::algorithm>(post_op.algorithm), post_op.alpha,
                          post_op.beta);
    } else {
      fits_ = add_operand(post_op, primitive_dims, allow_sum);
    }
  }
  attr_.set_post_ops(ops_);
}

bool PostOps::add_operand(const graph::PostOp& post_op, const Shape& primitive_dims,
                          bool allow_sum) {
  const auto dims = lowering_.dims(node_.outputs[0]);
  const auto algorithm = static_cast<dnnl::algorithm>(post_op.algorithm);
  auto operand = lowering_.view(post_op.operand);
  if (operand.dims == dims) {
    operand = lowering_.with_strides(post_op.operand, strides_);
    if (allow_sum && !summed_ && operand.type == lowering_.type(node_.outputs[0]) &&
        algorithm == dnnl::algorithm::binary_add &&
        lowering_.may_overwrite(post_op.operand, operand)) {
      summed_ = operand;
      ops_.append_sum(1.0F);
      return true;
    }
  } else if (!operand.is_plain()) {
    operand = lowering_.plain(post_op.operand);
  }
  operand = padded(operand, dims.size());
  if (!broadcasts_to(operand.dims, dims)) {
    return false;
  }
  const auto merged = in_extents(operand, dims, primitive_dims);
  if (!merged) {
    return false;
  }
  const auto desc = desc_of(*merged);
  const auto at = ops_.len();
  ops_.append_binary(algorithm, desc);
  arguments_.push_back(
      Lowering::argument(DNNL_ARG_ATTR_MULTIPLE_POST_OP(at) | DNNL_ARG_SRC_1, *merged, desc));
  return true;
}

void PostOps::append_to(std::vector<plan::Argument>& arguments) const {
  arguments.insert(arguments.end(), arguments_.begin(), arguments_.end());
}

View PostOps::destination() {
  if (summed_) {
    lowering_.alias(node_.outputs[0], *summed_);
    return *summed_;
  }
  return lowering_.destination(node_.outputs[0], strides_);
}

void lower_post_ops(Lowering& lowering, const graph::Node& node, std::size_t first) {
  if (first >= node.post_ops.size()) {
    return;
  }
  const auto dst = lowering.view(node.outputs[0]);
  const auto desc = desc_of(dst);
  for (auto i = first; i < node.post_ops.size(); ++i) {
    const auto& post_op = node.post_ops[i];
    const auto algorithm = static_cast<dnnl::algorithm>(post_op.algorithm);
    if (post_op.kind == graph::PostOp::Kind::eltwise) {
      const dnnl::eltwise_forward::primitive_desc primitive{
          plan::engine(), dnnl::prop_kind::forward_inference,
          algorithm,      desc,
          desc,           post_op.alpha,
          post_op.beta,   plan::attributes()};
      lowering.add(primitive, dnnl::eltwise_forward{primitive},
                   {Lowering::argument(DNNL_ARG_SRC, dst), Lowering::argument(DNNL_ARG_DST, dst)},
                   {.flops = count_of(dst.dims)});
      continue;
    }
    auto operand = lowering.view(post_op.operand);
    operand = operand.dims == dst.dims ? lowering.with_strides(post_op.operand, dst.strides)
                                       : padded(lowering.plain(post_op.operand), dst.dims.size());
    const dnnl::binary::primitive_desc primitive{plan::engine(),   algorithm, desc,
                                                 desc_of(operand), desc,      plan::attributes()};
    lowering.add(
        primitive, dnnl::binary{primitive},
        {Lowering::argument(DNNL_ARG_SRC_0, dst), Lowering::argument(DNNL_ARG_SRC_1, operand),
         Lowering::argument(DNNL_ARG_DST, dst)},
        {.flops = count_of(dst.dims)});
  }
}

namespace {

/// Numbers for which a plain loop takes no longer than starting a primitive, on one thread or more.
constexpr std::int64_t most_small_alone = 4096;
constexpr std::int64_t most_small = 8192;

bool is_cheap(const graph::Node& node) {
  return node.type == "Clip" || node.type == "Neg" || node.type == "Abs" || as_binary(node);
}

/// Arithmetic on a few numbers, by the operator's plain kernel.
bool lower_small(Lowering& lowering, const graph::Node& node) {
  const auto result = node.outputs[0];
  const auto dims = lowering.dims(result);
  const auto most = lowering.threads() == 1 ? most_small_alone : most_small;
  if (!node.post_ops.empty() || !node.domain.empty() || !is_cheap(node) ||
      lowering.type(result) != ElementType::f32 || dims.elements() > most ||
      !std::all_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
        return id && lowering.type(id) == ElementType::f32 && lowering.view(id).is_plain();
      })) {
    return false;
  }
  std::vector<View> sources;
  for (const auto id : node.inputs) {
    sources.push_back(lowering.view(id));
  }
  // Not over an operand: a loop over operands that overlap would not be vectorised.
  const auto dst = lowering.destination(result);
  lowering.add(node.op->kernel(KernelContext{node, lowering.graph()}), sources, {&dst, 1},
               {.flops = count_of(dims)});
  return true;
}

}  // namespace

bool lower_eltwise(Lowering& lowering, const graph::Node& node) {
  if (lower_small(lowering, node)) {
    return true;
  }
  const auto eltwise = as_eltwise(lowering.graph(), node);
  if (!eltwise || !node.post_ops.empty()) {
    return false;
  }
  const auto id = node.inputs[eltwise->input];
  auto src = lowering.view(id);
  if (src.dims != lowering.dims(node.outputs[0])) {
    return false;
  }
  if (!src.is_dense()) {
    src = lowering.plain(id);
  }
  const auto desc = desc_of(src);
  const auto& function = eltwise->function;
  const dnnl::eltwise_forward::primitive_desc primitive{plan::engine(),
                                                        dnnl::prop_kind::forward_inference,
                                                        function.algorithm,
                                                        desc,
                                                        desc,
                                                        function.alpha,
                                                        function.beta,
                                                        plan::attributes(),
                                                        true};
  if (!primitive) {
    return false;
  }
  const auto dst = lowering.result_over(id, src, node.outputs[0]);
  lowering.add(primitive, dnnl::eltwise_forward{primitive},
               {Lowering::argument(DNNL_ARG_SRC, src), Lowering::argument(DNNL_ARG_DST, dst, desc)},
               {.flops = count_of(src.dims)});
  return true;
}

bool lower_binary(Lowering& lowering, const graph::Node& node) {
  if ((node.post_ops.empty() && lower_eltwise(lowering, node)) ||
      lower_channel_scale(lowering, node)) {
    return true;
  }
  const auto algorithm = as_binary(node);
  const auto dst_id = node.outputs[0];
  if (!algorithm || !plan::is_f32_or_bf16(lowering.type(dst_id))) {
    return false;
  }
  const auto dims = lowering.dims(dst_id);
  if (dims.size() > 5) {
    return false;
  }
  auto ids = std::array{node.inputs[0], node.inputs[1]};
  // oneDNN broadcasts the second operand only.
  if (lowering.view(ids[0]).dims != dims && *algorithm != dnnl::algorithm::binary_sub &&
      *algorithm != dnnl::algorithm::binary_div) {
    std::swap(ids[0], ids[1]);
  }
  auto a = lowering.view(ids[0]);
  if (a.dims != dims || a.elements() == 0) {
    return false;
  }
  if (!a.is_dense()) {
    a = lowering.plain(ids[0]);
  }
  const auto natural_strides = a.strides;
  auto b = lowering.view(ids[1]);
  if (b.elements() == 0) {
    return false;
  }
  b = b.dims == dims ? lowering.with_strides(ids[1], a.strides) : lowering.plain(ids[1]);
  const auto rank = std::max<std::size_t>(dims.size(), 1);
  const auto b_own = b;
  b = padded(b, rank);
  a = padded(a, rank);
  const auto desc_a = desc_of(a);
  const auto desc_b = desc_of(b);
  PostOps post_ops{lowering, node, natural_strides, dims, false};
  const bool fused = post_ops.fits();
  dnnl::binary::primitive_desc primitive{plan::engine(),
                                         *algorithm,
                                         desc_a,
                                         desc_b,
                                         desc_a,
                                         fused ? post_ops.attr() : plan::attributes(),
                                         true};
  if (!primitive || plan::is_reference(primitive)) {
    return false;
  }
  a.dims = dims;
  a.strides = natural_strides;
  const bool over_b = b_own.dims == dims && !lowering.may_overwrite(ids[0], a);
  const auto dst = over_b ? lowering.result_over(ids[1], b_own, dst_id)
                          : lowering.result_over(ids[0], a, dst_id);
  std::vector<plan::Argument> arguments{Lowering::argument(DNNL_ARG_SRC_0, a, desc_a),
                                        Lowering::argument(DNNL_ARG_SRC_1, b, desc_b),
                                        Lowering::argument(DNNL_ARG_DST, dst, desc_a)};
  if (fused) {
    post_ops.append_to(arguments);
  }
  lowering.add(primitive, dnnl::binary{primitive}, std::move(arguments), {.flops = count_of(dims)});
  if (!fused) {
    lower_post_ops(lowering, node);
  }
  return true;
}

}  // namespace coinfer::ops
