#include "ops/own_post_ops.hpp"

namespace coinfer::ops {

OwnPostOps::OwnPostOps(const plan::Lowering& lowering, const graph::Node& node, std::size_t begin,
                       bool allow_gelu)
    : first{begin}, end{begin} {
  const auto& post_ops = node.post_ops;
  if (end < post_ops.size()) {
    const auto& next = post_ops[end];
    sum = next.kind == graph::PostOp::Kind::binary &&
          static_cast<dnnl::algorithm>(next.algorithm) == dnnl::algorithm::binary_add &&
          lowering.dims(next.operand) == lowering.dims(node.outputs[0]);
    end += sum ? 1 : 0;
  }
  if (end < post_ops.size() && post_ops[end].kind == graph::PostOp::Kind::eltwise) {
    const auto algorithm = static_cast<dnnl::algorithm>(post_ops[end].algorithm);
    relu = algorithm == dnnl::algorithm::eltwise_relu && post_ops[end].alpha == 0;
    gelu = allow_gelu && algorithm == dnnl::algorithm::eltwise_gelu_erf;
    end += relu || gelu ? 1 : 0;
  }
}

std::optional<plan::View> OwnPostOps::add_operand(plan::Lowering& lowering, const graph::Node& node,
                                                  const Dims& strides,
                                                  std::vector<plan::View>& sources) const {
  if (!sum) {
    return std::nullopt;
  }
  const auto operand = node.post_ops[first].operand;
  sources.push_back(lowering.with_strides(operand, strides));
  if (sources.back().type != lowering.type(node.outputs[0]) ||
      !lowering.may_overwrite(operand, sources.back())) {
    return std::nullopt;
  }
  lowering.alias(node.outputs[0], sources.back());
  return sources.back();
}

}  // namespace coinfer::ops
