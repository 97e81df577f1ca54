#include "ops/winograd.hpp"

#include "kernels/isa.hpp"
#include "kernels/winograd.hpp"
#include "ops/own_post_ops.hpp"
#include "ops/post_ops.hpp"

namespace coinfer::ops {
namespace {

using kernels::Winograd;
using plan::View;

/// Of windows of `length` pixels, how often they read the image rather than padding.
std::int64_t reads(std::int64_t size, std::int64_t pad, std::int64_t windows, std::int64_t length) {
  std::int64_t count = 0;
  for (std::int64_t at = -pad; at < windows - pad; ++at) {
    count += std::clamp<std::int64_t>(std::min(at + length, size) - std::max<std::int64_t>(at, 0),
                                      0, length);
  }
  return count;
}

/// From what `panel_bench` measures, with AVX-512 and with ONEDNN_MAX_CPU_ISA=AVX2. Each thread
/// reads all weights, for which it should have some patches.
bool is_quicker(const Winograd::Form& form, int threads) {
  const std::int64_t least_pixels = kernels::isa() == kernels::Isa::avx512 ? 60 : 100;
  // Lines save less.
  const std::int64_t least_channels = form.line == 0 ? 16 : 64;
  constexpr std::int64_t least_tiles_of_thread = 12;
  const auto height = form.line == 0 ? 3 : 1;
  const auto width = form.line == 0 ? 3 : form.line;
  const auto multiplications = form.terms() * form.tiles();
  const auto direct = form.batch * reads(form.height, form.pad_top, form.out_height, height) *
                      reads(form.width, form.pad_left, form.out_width, width);
  const bool saves =
      form.line == 0 ? 5 * multiplications <= 3 * direct : 7 * multiplications <= 5 * direct;
  const bool pays = form.line != 3 || kernels::isa() == kernels::Isa::avx512;
  return form.batch * form.out_height * form.out_width >= least_pixels && saves && pays &&
         form.in >= least_channels && form.out >= least_channels &&
         form.tiles() >= least_tiles_of_thread * threads;
}

/// Windows of three or five pixels along one of one or two dimensions, as such along a row; false
/// for others. Of a column where an image is one.
bool as_line(Winograd::Form& form, const Window& window) {
  const auto last = window.rank() - 1;
  if (window.rank() == 2 && window.kernel[1] == 1 && form.width == 1 && form.out_width == 1 &&
      window.pads_begin[1] == 0) {
    form.line = window.kernel[0];
    form.pad_left = window.pads_begin[0];
    std::swap(form.height, form.width);
    std::swap(form.out_height, form.out_width);
  } else {
    form.line = window.kernel[last];
    form.pad_left = window.pads_begin[last];
    if (window.rank() == 2 &&
        (window.kernel[0] != 1 || window.pads_begin[0] != 0 || form.out_height != form.height)) {
      return false;
    }
  }
  form.pad_top = 0;
  return form.line == 3 || form.line == 5;
}

/// A bias is the node's third input, or a number for each channel that it adds first.
struct Bias {
  std::optional<graph::ValueId> value;
  std::size_t post_ops = 0;  ///< that it is
};
Bias bias_of(plan::Lowering& lowering, const graph::Node& node) {
  if (node.has_input(2)) {
    return {node.inputs[2], 0};
  }
  if (node.post_ops.empty() || node.post_ops[0].kind != graph::PostOp::Kind::binary ||
      static_cast<dnnl::algorithm>(node.post_ops[0].algorithm) != dnnl::algorithm::binary_add) {
    return {};
  }
  const auto operand = node.post_ops[0].operand;
  const auto dims = lowering.dims(operand);
  const auto result = lowering.dims(node.outputs[0]);
  const auto channels =
      result.size() - 2;  // where they are among an operand's extents, from its end
  const bool by_channel = lowering.type(operand) == ElementType::f32 &&
                          dims.elements() == result[1] && dims.size() > channels &&
                          dims[dims.size() - 1 - channels] == result[1];
  return by_channel ? Bias{operand, 1} : Bias{};
}

}  // namespace

bool lower_winograd(plan::Lowering& lowering, const graph::Node& node, const Window& window) {
  const auto src_dims = lowering.dims(node.inputs[0]);
  const auto dst_dims = lowering.dims(node.outputs[0]);
  const auto& weights = lowering.constant(node.inputs[1]);
  const auto rank = window.rank();
  const auto are_ones = [](const Dims& dims) {
    return std::all_of(dims.begin(), dims.end(), [](auto extent) { return extent == 1; });
  };
  if (!kernels::has_winograd() || rank < 1 || rank > 2 || !are_ones(window.strides) ||
      !are_ones(window.dilations) || !weights || !weights.is_continuous() ||
      node.attributes.integer("group", 1) != 1) {
    return false;
  }
  Winograd::Form form{.batch = src_dims[0],
                      .in = src_dims[1],
                      .out = dst_dims[1],
                      .height = rank == 1 ? 1 : src_dims[2],
                      .width = src_dims[rank + 1],
                      .out_height = rank == 1 ? 1 : dst_dims[2],
                      .out_width = dst_dims[rank + 1]};
  if (window.kernel == Dims{3, 3}) {
    form.pad_top = window.pads_begin[0];
    form.pad_left = window.pads_begin[1];
  } else if (!as_line(form, window)) {
    return false;
  }
  if (!is_quicker(form, lowering.threads())) {
    return false;
  }
  const auto strides = plan::channels_last_strides(dst_dims);
  const auto src = lowering.channels_last(node.inputs[0]);
  const auto packed = lowering.weights().derive(
      weights,
      fmt::format("winograd {} {}{}", form.in, form.out,
                  form.line == 0 ? std::string{} : fmt::format(" line {}", form.line)),
      static_cast<std::size_t>(form.packed_floats()) * sizeof(float), [&](void* to) {
        kernels::pack_winograd_weights(form, weights.data<float>(), static_cast<float*>(to));
      });
  std::vector<View> sources{src,
                            lowering.view_of(packed, ElementType::f32, {form.packed_floats()})};
  const auto bias = bias_of(lowering, node);
  form.bias = bias.value.has_value();
  if (bias.value) {
    sources.push_back(lowering.plain(*bias.value));
  }
  const OwnPostOps fused{lowering, node, bias.post_ops};
  form.relu = fused.relu;
  form.sum = fused.sum;
  const auto over = fused.add_operand(lowering, node, strides, sources);
  const Winograd conv{form, lowering.threads()};
  const View targets[] = {
      over ? *over : lowering.destination(node.outputs[0], strides),
      lowering.temporary(conv.scratch_floats() * static_cast<std::int64_t>(sizeof(float)))};
  lowering.add(conv.kernel(), sources, targets,
               {.flops = 2.0 * static_cast<double>(form.taps() * dst_dims.elements() * form.in),
                .implementation = "winograd"});
  lower_post_ops(lowering, node, fused.end);
  return true;
}

}  // namespace coinfer::ops
