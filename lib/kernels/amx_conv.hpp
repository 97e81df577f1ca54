#pragma once

#include "kernels/panel_conv.hpp"

namespace coinfer::kernels {

/// What PanelConv does, of bf16 on AMX: a convolution, channels-last, of few pixels with many
/// weights. `in` is a multiple of 32.
class AmxConv {
 public:
  /// Columns of the result whose weights lie together.
  static constexpr std::int64_t panel = 32;

  /// The result is of f32 or bf16, and so is what is added to it; the bias is f32.
  AmxConv(const PanelConv::Form& form, bool f32_result, bool f32_sum)
      : form_{form}, f32_result_{f32_result}, f32_sum_{f32_sum} {}

  std::int64_t scratch_bytes(int threads) const;

  /// src: source, weights [kernel_height * kernel_width][out / 32][in / 32][16][32][2] (pairs of
  /// inputs side by side), bias if there is one, what is added if there is something, which may be
  /// the result's memory if of its type; dst: result, scratch, 64-byte aligned. Only on machines
  /// with AMX.
  ops::Kernel kernel(int threads) const;

 private:
  PanelConv::Form form_;
  bool f32_result_;
  bool f32_sum_;
};

}  // namespace coinfer::kernels
