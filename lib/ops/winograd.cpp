#include "ops/winograd.hpp"

#include "kernels/isa.hpp"
#include "kernels/winograd.hpp"
#include "ops/own_post_ops.hpp"
#include "ops/post_ops.hpp"

namespace coinfer::ops {
namespace {

using kernels::Winograd;
using plan::View;

/// Of a window of three, how often it reads the image rather than padding.
std::int64_t reads(std::int64_t size, std::int64_t pad, std::int64_t windows) {
  std::int64_t count = 0;
  for (std::int64_t at = -pad; at < windows - pad; ++at) {
    count += std::clamp<std::int64_t>(std::min(at + 3, size) - std::max<std::int64_t>(at, 0), 0, 3);
  }
  return count;
}

/// From what `panel_bench` measures, with AVX-512 and with ONEDNN_MAX_CPU_ISA=AVX2. Each thread
/// reads all weights, for which it should have some patches.
bool is_quicker(const Winograd::Form& form, int threads) {
  const std::int64_t least_pixels = kernels::isa() == kernels::Isa::avx512 ? 60 : 100;
  constexpr std::int64_t least_channels = 16;
  constexpr std::int64_t least_tiles_of_thread = 12;
  const auto multiplications = 16 * form.tiles();
  const auto direct = form.batch * reads(form.height, form.pad_top, form.out_height) *
                      reads(form.width, form.pad_left, form.out_width);
  return form.batch * form.out_height * form.out_width >= least_pixels &&
         5 * multiplications <= 3 * direct && form.in >= least_channels &&
         form.out >= least_channels && form.tiles() >= least_tiles_of_thread * threads;
}

}  // namespace

bool lower_winograd(plan::Lowering& lowering, const graph::Node& node, const Window& window) {
  const auto src_dims = lowering.dims(node.inputs[0]);
  const auto dst_dims = lowering.dims(node.outputs[0]);
  const auto& weights = lowering.constant(node.inputs[1]);
  if (!kernels::has_winograd() || window.kernel != Dims{3, 3} || window.strides != Dims{1, 1} ||
      window.dilations != Dims{1, 1} || !weights || !weights.is_continuous() ||
      node.attributes.integer("group", 1) != 1) {
    return false;
  }
  Winograd::Form form{.batch = src_dims[0],
                      .in = src_dims[1],
                      .out = dst_dims[1],
                      .height = src_dims[2],
                      .width = src_dims[3],
                      .out_height = dst_dims[2],
                      .out_width = dst_dims[3],
                      .pad_top = window.pads_begin[0],
                      .pad_left = window.pads_begin[1],
                      .bias = node.has_input(2)};
  if (!is_quicker(form, lowering.threads())) {
    return false;
  }
  const auto strides = plan::channels_last_strides(dst_dims);
  const auto src = lowering.channels_last(node.inputs[0]);
  const auto packed = lowering.weights().derive(
      weights, fmt::format("winograd {} {}", form.in, form.out),
      static_cast<std::size_t>(form.packed_floats()) * sizeof(float), [&](void* to) {
        kernels::pack_winograd_weights(form, weights.data<float>(), static_cast<float*>(to));
      });
  std::vector<View> sources{src,
                            lowering.view_of(packed, ElementType::f32, {form.packed_floats()})};
  if (form.bias) {
    sources.push_back(lowering.plain(node.inputs[2]));
  }
  const OwnPostOps fused{lowering, node, 0};
  form.relu = fused.relu;
  form.sum = fused.sum;
  const auto over = fused.add_operand(lowering, node, strides, sources);
  const Winograd conv{form, lowering.threads()};
  const View targets[] = {
      over ? *over : lowering.destination(node.outputs[0], strides),
      lowering.temporary(conv.scratch_floats() * static_cast<std::int64_t>(sizeof(float)))};
  lowering.add(conv.kernel(), sources, targets,
               {.flops = 18.0 * static_cast<double>(dst_dims.elements() * form.in),
                .implementation = "winograd"});
  lower_post_ops(lowering, node, fused.end);
  return true;
}

}  // namespace coinfer::ops
