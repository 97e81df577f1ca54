#pragma once

#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {

/// Inputs of coinfer.QuantizedConv and coinfer.QuantizedMatMul: a product of 8-bit tensors.
///
///     y = post-ops(x_scale * w_scale * product(x - x_zero, w) + bias)
///
/// x is u8 or i8 with one scale and zero point; w is i8 without zero point, its scale one number or
/// one an output channel (the last axis of a product of matrices, the first of a Gemm with transB);
/// scales and bias are f32. Without y_scale the result is f32; with it, y is divided by that, gets
/// y_zero added, and is rounded to y_zero's type. `sum`, of y's type and shape, is added before:
///
///     sum_scale * (sum - sum_zero), and what is below zero becomes 0 with `relu`
///
/// where these are attributes.
struct QuantizedInput {
  enum : std::size_t { x, x_scale, x_zero, w, w_scale, bias, y_scale, y_zero, sum };
};

/// What oneDNN needs beside operands: scales, zero points.
class Quantization {
 public:
  /// `channels`: outputs that have a scale each. `mask`: oneDNN's, of the axes of the weights that
  /// the channels are.
  Quantization(plan::Lowering& lowering, const graph::Node& node, std::int64_t channels, int mask);

  void set(dnnl::primitive_attr& attr) const;
  void append_to(std::vector<plan::Argument>& arguments) const;
  /// What tells the primitive's layout of weights apart besides extents and blocks: which sums lie
  /// behind them depends on the implementation and on the source.
  std::string weights_kind(const dnnl::primitive_desc_base& primitive) const;

 private:
  int mask_ = 0;
  bool x_zero_ = false;
  bool y_scale_ = false;
  bool y_zero_ = false;
  std::vector<plan::Argument> arguments_;
};

/// The value of a scale or zero point, one number or one a channel; all types of zero points.
std::vector<double> numbers_of(const Tensor& tensor);

/// OpDef::infer and OpDef::kernel of both.
void infer_quantized(InferContext& ctx);
Kernel quantized_kernel(const KernelContext& ctx);

}  // namespace coinfer::ops
