#include "ops/quantized.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace coinfer::ops {
namespace {

using Input = QuantizedInput;

/// The f32 node that a quantised one stands for, in a graph of its own.
struct FloatNode {
  graph::Graph graph;
  graph::Node node;

  explicit FloatNode(const graph::Node& quantized) {
    node.name = quantized.name;
    node.type = quantized.attributes.text("product", "Conv");
    node.opset = 13;
    node.attributes = quantized.attributes;
    node.op = Registry::instance().find("", node.type, node.opset);
  }
  void input(const PartialShape& shape) {
    node.inputs.push_back(graph.add({"", ElementType::f32, shape}));
  }
  void output() { node.outputs.push_back(graph.add({""})); }
};

bool adds_bias(const graph::Node& node) {
  return node.has_input(Input::bias) && node.attributes.text("product", "Conv") != "MatMul";
}

std::vector<float> floats_of(ElementType type, const void* from, std::int64_t count, float scale,
                             float zero) {
  std::vector<float> result(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = type == ElementType::u8
                           ? static_cast<float>(static_cast<const std::uint8_t*>(from)[i])
                           : static_cast<float>(static_cast<const std::int8_t*>(from)[i]);
    result[static_cast<std::size_t>(i)] = (value - zero) * scale;
  }
  return result;
}

float number_at(ElementType type, const void* from) {
  return type == ElementType::f32 ? *static_cast<const float*>(from)
                                  : floats_of(type, from, 1, 1, 0)[0];
}

/// Elements between two channels of the weights.
std::int64_t channel_step(const graph::Node& node, const Shape& weights) {
  const auto product = node.attributes.text("product", "Conv");
  const bool last =
      product == "MatMul" || (product == "Gemm" && node.attributes.integer("transB", 0) == 0);
  return last || weights.empty() ? 1 : weights.elements() / std::max<std::int64_t>(weights[0], 1);
}

}  // namespace

std::vector<double> numbers_of(const Tensor& tensor) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    switch (tensor.type()) {
      case ElementType::u8:
        result.push_back(tensor.data<std::uint8_t>()[i]);
        break;
      case ElementType::i8:
        result.push_back(tensor.data<std::int8_t>()[i]);
        break;
      case ElementType::i32:
        result.push_back(tensor.data<std::int32_t>()[i]);
        break;
      case ElementType::f32:
        result.push_back(static_cast<double>(tensor.data<float>()[i]));
        break;
      default:
        throw Error(fmt::format("a scale or zero point is of type {}", name_of(tensor.type())));
    }
  }
  return result;
}

void infer_quantized(InferContext& ctx) {
  ctx.check_inputs(5, 9);
  FloatNode as_float{ctx.node()};
  as_float.input(ctx.shape(Input::x));
  as_float.input(ctx.shape(Input::w));
  if (adds_bias(ctx.node())) {
    as_float.input(ctx.shape(Input::bias));
  }
  as_float.output();
  InferContext inner{as_float.node, as_float.graph};
  as_float.node.op->infer(inner);
  const auto type = !ctx.has(Input::y_scale) ? ElementType::f32
                    : ctx.has(Input::y_zero) ? ctx.type(Input::y_zero)
                                             : ElementType::u8;
  ctx.output(0, type, as_float.graph[as_float.node.outputs[0]].shape);
}

Kernel quantized_kernel(const KernelContext& ctx) {
  if (!ctx.node().post_ops.empty() && ctx.has(Input::y_scale)) {
    ctx.fail("oneDNN has no primitive for this in 8 bits");
  }
  FloatNode as_float{ctx.node()};
  as_float.input(PartialShape{ctx.shape(Input::x)});
  as_float.input(PartialShape{ctx.shape(Input::w)});
  const bool inner_bias = adds_bias(ctx.node());
  if (inner_bias) {
    as_float.input(PartialShape{ctx.shape(Input::bias)});
  }
  as_float.output();
  auto& result = as_float.graph[as_float.node.outputs[0]];
  result.type = ElementType::f32;
  result.shape = PartialShape{ctx.output_shape(0)};
  const auto product = as_float.node.op->kernel(KernelContext{as_float.node, as_float.graph});
  const auto type = ctx.type(Input::x);
  const auto type_y = ctx.output_type(0);
  const auto x_size = ctx.shape(Input::x).elements();
  const auto w_size = ctx.shape(Input::w).elements();
  const auto y_size = ctx.output_shape(0).elements();
  const auto scales = ctx.shape(Input::w_scale).elements();
  const auto step = channel_step(ctx.node(), ctx.shape(Input::w));
  const bool x_zero = ctx.has(Input::x_zero);
  const bool y_scale = ctx.has(Input::y_scale);
  const bool y_zero = ctx.has(Input::y_zero);
  const bool row_bias = ctx.has(Input::bias) && !inner_bias;
  const bool summed = ctx.has(Input::sum);
  const auto sum_scale = ctx.attributes().real("sum_scale", 1);
  const auto sum_zero = ctx.attributes().real("sum_zero", 0);
  const bool relu = ctx.attributes().integer("relu", 0) != 0;
  return [=](const void* const* src, void* const* dst) {
    const auto x =
        floats_of(type, src[Input::x], x_size, *static_cast<const float*>(src[Input::x_scale]),
                  x_zero ? number_at(type, src[Input::x_zero]) : 0.0F);
    auto w = floats_of(ElementType::i8, src[Input::w], w_size, 1, 0);
    for (std::int64_t i = 0; i < w_size; ++i) {
      w[static_cast<std::size_t>(i)] *=
          static_cast<const float*>(src[Input::w_scale])[i / step % scales];
    }
    std::vector<float> y(static_cast<std::size_t>(y_size));
    const void* const from[] = {x.data(), w.data(), inner_bias ? src[Input::bias] : nullptr};
    void* const to[] = {y_scale ? y.data() : dst[0]};
    product(from, to);
    if (row_bias) {
      for (std::int64_t i = 0; i < y_size; ++i) {
        static_cast<float*>(to[0])[i] += static_cast<const float*>(src[Input::bias])[i % scales];
      }
    }
    if (!y_scale) {
      return;
    }
    if (summed) {
      const auto sums = floats_of(type_y, src[Input::sum], y_size, sum_scale, sum_zero);
      std::transform(y.begin(), y.end(), sums.begin(), y.begin(), std::plus<>{});
    }
    if (relu) {
      std::replace_if(y.begin(), y.end(), [](float value) { return value < 0; }, 0.0F);
    }
    const auto scale = *static_cast<const float*>(src[Input::y_scale]);
    const auto zero = y_zero ? number_at(type_y, src[Input::y_zero]) : 0.0F;
    const bool is_signed = type_y == ElementType::i8;
    for (std::int64_t i = 0; i < y_size; ++i) {
      const auto value = std::clamp(std::nearbyint(y[static_cast<std::size_t>(i)] / scale) + zero,
                                    is_signed ? -128.0F : 0.0F, is_signed ? 127.0F : 255.0F);
      if (is_signed) {
        static_cast<std::int8_t*>(dst[0])[i] = static_cast<std::int8_t>(value);
      } else {
        static_cast<std::uint8_t*>(dst[0])[i] = static_cast<std::uint8_t>(value);
      }
    }
  };
}

Quantization::Quantization(plan::Lowering& lowering, const graph::Node& node, std::int64_t channels,
                           int mask) {
  const auto constant = [&](std::size_t i) { return lowering.constant(node.inputs[i]); };
  const auto give = [&](int id, const Tensor& tensor) {
    arguments_.push_back(plan::Lowering::argument(id, lowering.view_of(tensor)));
  };
  // The scale of x goes into those of the weights.
  const auto of_x = numbers_of(constant(Input::x_scale))[0];
  const auto of_w = numbers_of(constant(Input::w_scale));
  mask_ = of_w.size() == 1 ? 0 : mask;
  Tensor scales{ElementType::f32, Shape{of_w.size() == 1 ? 1 : channels}};
  for (std::size_t i = 0; i < of_w.size(); ++i) {
    scales.data<float>()[i] = static_cast<float>(of_x * of_w[i]);
  }
  give(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, scales);
  const auto give_zero = [&](std::size_t i, int arg) {
    if (!node.has_input(i)) {
      return false;
    }
    const auto zero = static_cast<std::int32_t>(numbers_of(constant(i))[0]);
    if (zero == 0) {
      return false;
    }
    Tensor tensor{ElementType::i32, Shape{1}};
    *tensor.data<std::int32_t>() = zero;
    give(DNNL_ARG_ATTR_ZERO_POINTS | arg, tensor);
    return true;
  };
  x_zero_ = give_zero(Input::x_zero, DNNL_ARG_SRC);
  y_scale_ = node.has_input(Input::y_scale);
  if (y_scale_) {
    Tensor scale{ElementType::f32, Shape{1}};
    *scale.data<float>() = static_cast<float>(numbers_of(constant(Input::y_scale))[0]);
    give(DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, scale);
    y_zero_ = give_zero(Input::y_zero, DNNL_ARG_DST);
  }
}

void Quantization::set(dnnl::primitive_attr& attr) const {
  attr.set_scales_mask(DNNL_ARG_WEIGHTS, mask_);
  if (x_zero_) {
    attr.set_zero_points_mask(DNNL_ARG_SRC, 0);
  }
  if (y_scale_) {
    attr.set_scales_mask(DNNL_ARG_DST, 0);
  }
  if (y_zero_) {
    attr.set_zero_points_mask(DNNL_ARG_DST, 0);
  }
}

void Quantization::append_to(std::vector<plan::Argument>& arguments) const {
  arguments.insert(arguments.end(), arguments_.begin(), arguments_.end());
}

std::string Quantization::weights_kind(const dnnl::primitive_desc_base& primitive) const {
  const auto source = primitive.query_md(dnnl::query::src_md, 0).get_data_type();
  return fmt::format("{} {} {} {}", primitive.impl_info_str(), static_cast<int>(source), x_zero_,
                     mask_);
}

}  // namespace coinfer::ops
