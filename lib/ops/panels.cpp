#include "ops/panels.hpp"

#include "kernels/panel_conv.hpp"
#include "ops/post_ops.hpp"

namespace coinfer::ops {
namespace {

using kernels::PanelConv;
using plan::Lowering;
using plan::View;

/// From what `panel_bench` measures on machines with AVX-512: the weights are more than the caches
/// near a core hold, the pixels few.
bool is_quicker(const PanelConv::Form& form) {
  constexpr std::int64_t many_weights = 128 * 1024;
  constexpr std::int64_t least_pixels = 4;
  constexpr std::int64_t most_pixels = 196;
  const auto pixels = form.batch * form.out_height * form.out_width;
  const auto columns = (form.out + 15) / 16 * 16;
  return form.in * form.out * form.kernel_height * form.kernel_width >= many_weights &&
         pixels >= least_pixels && pixels <= most_pixels && form.in >= 32 &&
         form.out >= PanelConv::panel && columns * 8 <= form.out * 9;
}

/// Post-ops that the kernel does itself: a residual, an activation, or one after the other.
struct Fused {
  std::size_t count = 0;
  std::optional<View> sum;
  bool relu = false;
};

Fused fuse(Lowering& lowering, const graph::Node& node, const Dims& strides) {
  Fused fused;
  const auto dims = lowering.dims(node.outputs[0]);
  const auto& post_ops = node.post_ops;
  if (!post_ops.empty() && post_ops[0].kind == graph::PostOp::Kind::binary &&
      static_cast<dnnl::algorithm>(post_ops[0].algorithm) == dnnl::algorithm::binary_add &&
      lowering.dims(post_ops[0].operand) == dims) {
    fused.sum = lowering.with_strides(post_ops[0].operand, strides);
    fused.count = 1;
  }
  if (fused.count < post_ops.size()) {
    const auto& next = post_ops[fused.count];
    fused.relu = next.kind == graph::PostOp::Kind::eltwise && next.alpha == 0 &&
                 static_cast<dnnl::algorithm>(next.algorithm) == dnnl::algorithm::eltwise_relu;
    fused.count += fused.relu ? 1 : 0;
  }
  return fused;
}

}  // namespace

bool lower_panels(Lowering& lowering, const graph::Node& node, const Window& window) {
  using Tag = dnnl::memory::format_tag;
  const auto src_dims = lowering.dims(node.inputs[0]);
  const auto dst_dims = lowering.dims(node.outputs[0]);
  const auto& constant = lowering.constant(node.inputs[1]);
  const auto spatial = window.rank();
  if (!kernels::has_panel_conv() || (spatial != 1 && spatial != 2) || !constant ||
      node.attributes.integer("group", 1) != 1) {
    return false;
  }
  PanelConv::Form form{.batch = src_dims[0], .in = src_dims[1], .out = dst_dims[1]};
  form.width = src_dims[spatial + 1];
  form.out_width = dst_dims[spatial + 1];
  form.kernel_width = window.kernel[spatial - 1];
  form.stride_x = window.strides[spatial - 1];
  form.dilation_x = window.dilations[spatial - 1];
  form.pad_left = window.pads_begin[spatial - 1];
  if (spatial == 2) {
    form.height = src_dims[2];
    form.out_height = dst_dims[2];
    form.kernel_height = window.kernel[0];
    form.stride_y = window.strides[0];
    form.dilation_y = window.dilations[0];
    form.pad_top = window.pads_begin[0];
  }
  if (!is_quicker(form)) {
    return false;
  }
  const auto strides = plan::channels_last_strides(dst_dims);
  const auto src = lowering.channels_last(node.inputs[0]);
  const auto weights = lowering.plain(node.inputs[1]);
  const dnnl::memory::desc panels{plan::to_dims(weights.dims), dnnl::memory::data_type::f32,
                                  spatial == 2 ? Tag::Acdb64a : Tag::Acb64a};
  const auto packed = lowering.packed(0, constant, weights, panels);
  const View packed_view{packed.buffer, packed.offset, ElementType::f32, weights.dims,
                         weights.strides};
  std::vector<View> sources{src, packed_view};
  form.bias = node.has_input(2);
  if (form.bias) {
    sources.push_back(lowering.plain(node.inputs[2]));
  }
  const auto fused = fuse(lowering, node, strides);
  form.relu = fused.relu;
  form.sum = fused.sum.has_value();
  std::optional<View> over;
  if (form.sum) {
    sources.push_back(*fused.sum);
    if (lowering.may_overwrite(node.post_ops[0].operand, *fused.sum)) {
      over = *fused.sum;
      lowering.alias(node.outputs[0], *over);
    }
  }
  const auto threads = lowering.threads();
  const PanelConv conv{form};
  const View targets[] = {
      over ? *over : lowering.destination(node.outputs[0], strides),
      lowering.temporary(conv.scratch_floats(threads) * static_cast<std::int64_t>(sizeof(float)))};
  const auto taps = form.in * form.kernel_height * form.kernel_width;
  lowering.add(
      conv.kernel(threads), sources, targets,
      {.flops = 2.0 * static_cast<double>(dst_dims.elements() * taps), .implementation = "panels"});
  lower_post_ops(lowering, node, fused.count);
  return true;
}

}  // namespace coinfer::ops
