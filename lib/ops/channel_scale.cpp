#include "ops/channel_scale.hpp"

#include "kernels/channel_scale.hpp"

namespace coinfer::ops {

bool lower_channel_scale(plan::Lowering& lowering, const graph::Node& node) {
  if (node.type != "Mul" || !node.domain.empty() || !node.post_ops.empty()) {
    return false;
  }
  const auto dims = lowering.dims(node.outputs[0]);
  auto ids = std::array{node.inputs[0], node.inputs[1]};
  if (lowering.dims(ids[0]) != dims) {
    std::swap(ids[0], ids[1]);
  }
  const auto x = lowering.view(ids[0]);
  const auto factors = lowering.dims(ids[1]);
  const auto factor_type = lowering.type(ids[1]);
  if (x.dims != dims || dims.elements() == 0 || !x.is_channels_last() || x.is_plain() ||
      factors.size() != dims.size() || factors[1] != dims[1] ||
      (factors[0] != 1 && factors[0] != dims[0]) || factors.elements() != factors[0] * factors[1] ||
      !plan::is_f32_or_bf16(x.type) || !plan::is_f32_or_bf16(factor_type) ||
      lowering.type(node.outputs[0]) != x.type) {
    return false;
  }
  const kernels::ChannelScale form{.images = dims[0],
                                   .pixels = dims.elements() / (dims[0] * dims[1]),
                                   .channels = dims[1],
                                   .same_for_all = factors[0] == 1,
                                   .type = x.type,
                                   .factor_type = factor_type};
  const plan::View sources[] = {x, lowering.plain(ids[1])};
  const auto dst = lowering.result_over(ids[0], x, node.outputs[0]);
  lowering.add(kernels::channel_scale(form, lowering.threads()), sources, {&dst, 1},
               {.flops = static_cast<double>(dims.elements()), .implementation = "channel_scale"});
  return true;
}

}  // namespace coinfer::ops
