#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/panel_product.hpp"
#include "ops/op.hpp"

namespace coinfer::kernels {

/// A convolution, channels-last, of few pixels with many weights: as many as a cache holds and
/// more. It reads them once, and fetches those that are next while it multiplies. A product of a
/// matrix of few rows is one of a single tap.
class PanelConv {
 public:
  struct Form {
    std::int64_t batch = 1, in = 0, out = 0;
    std::int64_t weights_in = 0;                 ///< `in` with what the weights' layout adds to it
    std::int64_t height = 1, width = 1;          ///< of the source
    std::int64_t out_height = 1, out_width = 1;  ///< of the destination
    std::int64_t kernel_height = 1, kernel_width = 1;
    std::int64_t stride_y = 1, stride_x = 1;
    std::int64_t dilation_y = 1, dilation_x = 1;
    std::int64_t pad_top = 0, pad_left = 0;
    bool bias = false;
    bool sum = false;  ///< adds a tensor of the result's extents, which may be the result's memory
    bool relu = false;
    bool gelu = false;  ///< with erf; not both
    /// Floats from what one part reads to what the next one reads, where each has a copy of its
    /// own.
    std::int64_t src_copy = 0, sum_copy = 0;
  };

  explicit PanelConv(const Form& form);

  /// Floats of scratch memory for `threads` threads.
  std::int64_t scratch_floats(int threads) const;

  PanelReads reads() const;

  /// One part for each thread. src: source, weights
  /// [out / 64][kernel_height][kernel_width][weights_in][64], bias if there is one, what is added
  /// if there is something, and, where `next` has panels when it runs, the weights of the
  /// convolution that is next with as many threads: each thread's first are fetched at the end of
  /// this one. dst: result, scratch.
  ops::Parts parts(int threads, std::shared_ptr<const PanelReads> next = nullptr) const;

  /// The channels that a part computes of each pixel, [first, second); nothing where a part has a
  /// panel's first pixels only.
  std::vector<std::pair<std::int64_t, std::int64_t>> channels(int threads) const;

 private:
  /// Rows (pixels) of the result that one tap of the window adds to, and where their source is.
  struct Tap {
    std::vector<std::int64_t> sources;  ///< floats from the source's start
    std::vector<std::int64_t> rows;
  };

  struct Pointers {
    const float* src;
    const float* weights;
    const float* bias;
    const float* sum;
    float* dst;
  };
  struct Place {
    std::int64_t panel;
    std::int64_t row;
  };
  /// What lies between two places, panel by panel; `sums` has room for all rows of one. `wanted`:
  /// what is read next; may be null.
  void run(const Pointers& memory, float* sums, Place begin, Place end, const float* wanted) const;

  Form form_;
  std::int64_t rows_;
  std::vector<Tap> taps_;
};

/// The machine has the vectors that it is written for.
bool has_panel_conv();

}  // namespace coinfer::kernels
