#include "ops/panels.hpp"

#include <array>

#include "kernels/amx_conv.hpp"
#include "kernels/panel_conv.hpp"
#include "ops/own_post_ops.hpp"
#include "ops/post_ops.hpp"
#include "plan/precision.hpp"

namespace coinfer::ops {
namespace {

using kernels::PanelConv;
using plan::Lowering;
using plan::View;

constexpr std::int64_t most_pixels = 196;
/// Of a product: oneDNN's are quicker than its convolutions when there are more; on a single
/// thread, which finds the weights of a panel in its second cache again, only when there are many
/// more.
constexpr std::int64_t most_rows = 64;
constexpr std::int64_t most_rows_alone = 256;

/// From what `panel_bench` measures on machines with AVX-512: the weights are more than the caches
/// near a core hold, the pixels few.
bool is_quicker(const PanelConv::Form& form, std::int64_t most) {
  constexpr std::int64_t many_weights = 128 * 1024;
  constexpr std::int64_t least_pixels = 4;
  const auto pixels = form.batch * form.out_height * form.out_width;
  const auto columns = (form.out + 15) / 16 * 16;
  return form.in * form.out * form.kernel_height * form.kernel_width >= many_weights &&
         pixels >= least_pixels && pixels <= most && form.in >= 32 && form.out >= kernels::panel &&
         columns * 8 <= form.out * 9;
}

/// The same of bf16 on AMX, from profiles of light_resnet50 and MiniLM (`script/bench profile`).
bool is_quicker_on_amx(const PanelConv::Form& form) {
  constexpr std::int64_t many_weights = 256 * 1024;
  constexpr std::int64_t most = 64;
  const auto pixels = form.batch * form.out_height * form.out_width;
  return form.in * form.out * form.kernel_height * form.kernel_width >= many_weights &&
         pixels <= most && form.in % 32 == 0 && form.out >= 64;
}

/// Source, packed weights and bias, and the post-ops from `first` on, to a result with `strides`.
void add_step(Lowering& lowering, const graph::Node& node, PanelConv::Form form,
              std::vector<View> sources, const Dims& strides, std::size_t first) {
  const OwnPostOps fused{lowering, node, first, !plan::is_mixed(node)};
  form.relu = fused.relu;
  form.gelu = fused.gelu;
  form.sum = fused.sum;
  const auto over = fused.add_operand(lowering, node, strides, sources);
  constexpr auto float_bytes = static_cast<std::int64_t>(sizeof(float));
  if (!plan::is_mixed(node)) {
    form.src_copy = lowering.copy_bytes(node.inputs[0], sources[0]) / float_bytes;
    if (fused.sum) {
      form.sum_copy =
          lowering.copy_bytes(node.post_ops[first].operand, sources.back()) / float_bytes;
    }
  }
  const auto threads = lowering.threads();
  const auto terms = form.in * form.kernel_height * form.kernel_width;
  const auto results = form.batch * form.out_height * form.out_width * form.out;
  const auto targets = [&](std::int64_t scratch_bytes) {
    return std::array{over ? *over : lowering.destination(node.outputs[0], strides),
                      lowering.temporary(scratch_bytes)};
  };
  const auto cost = [&](const char* name) {
    return plan::Cost{.flops = 2.0 * static_cast<double>(results * terms), .implementation = name};
  };
  if (plan::is_mixed(node)) {
    const bool f32_sum = form.sum && sources.back().type == ElementType::f32;
    const kernels::AmxConv conv{form, lowering.type(node.outputs[0]) == ElementType::f32, f32_sum};
    lowering.add(conv.kernel(threads), sources, targets(conv.scratch_bytes(threads)),
                 cost("panels:amx"));
  } else {
    const PanelConv conv{form};
    const auto next = std::make_shared<kernels::PanelReads>();
    plan::Reach result{form.out * float_bytes, conv.channels(threads)};
    for (auto& [begin, end] : result.parts) {
      begin *= float_bytes;
      end *= float_bytes;
    }
    std::vector<plan::Reach> reaches(sources.size());
    if (form.src_copy != 0) {
      reaches[0] = plan::consecutive(threads, form.src_copy * float_bytes);
    }
    if (fused.sum) {
      reaches.back() =
          form.sum_copy == 0 ? result : plan::consecutive(threads, form.sum_copy * float_bytes);
    }
    const auto scratch_bytes = conv.scratch_floats(threads) * float_bytes;
    reaches.push_back(result);
    reaches.push_back(plan::consecutive(threads, scratch_bytes / threads));
    lowering.add(conv.parts(threads, next), sources, targets(scratch_bytes), std::move(reaches),
                 cost("panels"));
    lowering.add_reader(sources[1], conv.reads(), next);
  }
  lower_post_ops(lowering, node, fused.end);
}

/// AMX kernels take no other post-ops than their own.
bool fits_amx(const Lowering& lowering, const graph::Node& node, std::size_t first) {
  return plan::has_amx() && OwnPostOps{lowering, node, first}.end == node.post_ops.size();
}

View as_floats(const plan::Argument& packed) {
  return {packed.buffer, packed.offset, ElementType::f32, {}, {}};
}

}  // namespace

bool lower_panels(Lowering& lowering, const graph::Node& node, const Window& window) {
  using Tag = dnnl::memory::format_tag;
  const auto src_dims = lowering.dims(node.inputs[0]);
  const auto dst_dims = lowering.dims(node.outputs[0]);
  const auto& constant = lowering.constant(node.inputs[1]);
  const auto spatial = window.rank();
  const bool mixed = plan::is_mixed(node);
  if (!(mixed ? fits_amx(lowering, node, 0) : kernels::has_panel_conv()) ||
      (spatial != 1 && spatial != 2) || !constant || node.attributes.integer("group", 1) != 1) {
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
  if (!(mixed ? is_quicker_on_amx(form) : is_quicker(form, most_pixels))) {
    return false;
  }
  const auto strides = plan::channels_last_strides(dst_dims);
  const auto src = lowering.channels_last(node.inputs[0]);
  auto weights = lowering.plain(node.inputs[1]);
  dnnl::memory::desc panels;
  if (mixed) {
    // As a matrix for each tap.
    const auto taps = form.kernel_height * form.kernel_width;
    weights.dims = {taps, form.in, form.out};
    weights.strides = {1, taps, form.in * taps};
    panels = {plan::to_dims(weights.dims), dnnl::memory::data_type::bf16, Tag::aCB16b32c2b};
  } else {
    panels = {plan::to_dims(weights.dims), dnnl::memory::data_type::f32,
              spatial == 2 ? Tag::Acdb64a : Tag::Acb64a};
  }
  std::vector<View> sources{src, as_floats(lowering.packed(0, constant, weights, panels))};
  form.bias = node.has_input(2);
  if (form.bias) {
    sources.push_back(lowering.plain(node.inputs[2]));
  }
  add_step(lowering, node, form, std::move(sources), strides, 0);
  return true;
}

bool lower_panels(Lowering& lowering, const graph::Node& node, const Multiplication& work,
                  const std::optional<View>& bias, std::size_t first) {
  const bool mixed = plan::is_mixed(node);
  if (!(mixed ? fits_amx(lowering, node, first) : kernels::has_panel_conv()) || !work.weights ||
      work.dst_dims.size() != 2 || !work.a.is_plain() ||
      OwnPostOps{lowering, node, first, !mixed}.end != node.post_ops.size()) {
    return false;
  }
  PanelConv::Form form{.in = work.b.dims[0], .out = work.b.dims[1]};
  form.width = form.out_width = work.dst_dims[0];
  form.weights_in = (form.in + 15) / 16 * 16;
  const auto most = lowering.threads() == 1 ? most_rows_alone : most_rows;
  if (!(mixed ? is_quicker_on_amx(form) : is_quicker(form, most))) {
    return false;
  }
  using Tag = dnnl::memory::format_tag;
  const dnnl::memory::desc panels{
      plan::to_dims(work.b.dims),
      mixed ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32,
      mixed ? Tag::BA16a32b2a : Tag::BA16a64b};
  std::vector<View> sources{work.a, as_floats(lowering.packed(0, work.weights, work.b, panels))};
  form.bias = bias.has_value();
  if (bias) {
    sources.push_back(*bias);
  }
  add_step(lowering, node, form, std::move(sources),
           plan::plain_strides(lowering.dims(node.outputs[0])), first);
  return true;
}

bool may_read_copies(const Lowering& lowering, const graph::Node& node) {
  if (node.type != "MatMul" || !node.domain.empty() || plan::is_mixed(node) ||
      lowering.threads() == 1 || !kernels::has_panel_conv() || !lowering.constant(node.inputs[1])) {
    return false;
  }
  const auto weights = lowering.dims(node.inputs[1]);
  const auto source = lowering.dims(node.inputs[0]);
  if (weights.size() != 2 || source.size() < 2) {
    return false;
  }
  PanelConv::Form form{.in = weights[0], .out = weights[1]};
  form.width = form.out_width = source.elements() / std::max<std::int64_t>(1, weights[0]);
  return is_quicker(form, most_rows);
}

}  // namespace coinfer::ops
