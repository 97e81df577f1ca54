#pragma once

#include <vector>

#include "kernels/panel_conv.hpp"

/// Ragged convolutions for tests of kernels that read panels of weights.
namespace coinfer::reference {

struct PanelCase {
  kernels::PanelConv::Form form;
  int threads;
};

/// Windows with and without strides, dilations and padding over images of 4 x `widths`, to `out`
/// channels; bias, residual, ReLU and GELU by turns, 1 to 5 threads.
inline std::vector<PanelCase> panel_cases(const std::vector<std::int64_t>& ins,
                                          const std::vector<std::int64_t>& outs,
                                          const std::vector<std::int64_t>& widths) {
  struct Windows {
    std::int64_t kernel_height, kernel_width, stride_y, stride_x, dilation, pad;
  };
  std::vector<PanelCase> cases;
  for (const auto& window : {Windows{1, 1, 1, 1, 1, 0},
                             {3, 3, 1, 1, 1, 1},
                             {3, 2, 2, 1, 1, 2},
                             {2, 3, 1, 3, 2, 1},
                             {5, 1, 1, 2, 1, 4},
                             {1, 1, 2, 2, 1, 0}}) {
    for (const auto in : ins) {
      for (const auto out : outs) {
        for (const auto width : widths) {
          kernels::PanelConv::Form form{.batch = width == 5 ? 2 : 1, .in = in, .out = out};
          form.height = 4;
          form.width = width;
          form.kernel_height = window.kernel_height;
          form.kernel_width = window.kernel_width;
          form.stride_y = window.stride_y;
          form.stride_x = window.stride_x;
          form.dilation_y = form.dilation_x = window.dilation;
          form.pad_top = form.pad_left = window.pad;
          const auto extent = [&](std::int64_t size, std::int64_t kernel, std::int64_t stride) {
            return (size + 2 * window.pad - (kernel - 1) * window.dilation - 1) / stride + 1;
          };
          form.out_height = extent(form.height, form.kernel_height, form.stride_y);
          form.out_width = extent(form.width, form.kernel_width, form.stride_x);
          const auto choice = cases.size();
          form.bias = choice % 2 == 0;
          form.sum = choice % 3 == 0;
          form.relu = choice % 5 < 2;
          form.gelu = choice % 5 == 2;
          cases.push_back({form, width == 9 ? 5 : width == 5 ? 1 : 2});
        }
      }
    }
  }
  return cases;
}

/// Calls call(tap, first input of the pixel that it reads) for each tap of result `i` that is not
/// padding.
template <class Call>
void for_each_tap(const kernels::PanelConv::Form& form, std::int64_t i, const Call& call) {
  const auto x = i / form.out % form.out_width;
  const auto y = i / form.out / form.out_width % form.out_height;
  const auto n = i / form.out / form.out_width / form.out_height;
  for (std::int64_t tap = 0; tap < form.kernel_height * form.kernel_width; ++tap) {
    const auto row = y * form.stride_y - form.pad_top + tap / form.kernel_width * form.dilation_y;
    const auto column =
        x * form.stride_x - form.pad_left + tap % form.kernel_width * form.dilation_x;
    if (row >= 0 && row < form.height && column >= 0 && column < form.width) {
      call(tap, ((n * form.height + row) * form.width + column) * form.in);
    }
  }
}

}  // namespace coinfer::reference
