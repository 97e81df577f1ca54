#pragma once

#include <cstdint>

#include "ops/op.hpp"

namespace coinfer::kernels {

/// A convolution, channels-last, with stride 1 and no dilation, by Winograd's minimal filtering. Of
/// a window of 3x3 by F(2x2, 3x3): four results of a 4x4 patch take 16 multiplications instead
/// of 36. Patches and results are transformed by additions only, weights in advance, by halves:
/// rounding errors are as small as a direct convolution's, of the largest pixel times the largest
/// weight of a patch. Of windows of 1x3 and 1x5 by F(2, 3) and F(2, 5): two results take 4
/// multiplications instead of 6, or 6 instead of 10; the latter's transforms multiply by up to 5,
/// and its rounding errors are a few times as large as a direct one's. What is not finite stays not
/// finite in each result that it takes part in, and only there, but infinity may become NaN.
class Winograd {
 public:
  struct Form {
    std::int64_t batch = 1, in = 0, out = 0;
    std::int64_t height = 1, width = 1;          ///< of the source
    std::int64_t out_height = 1, out_width = 1;  ///< of the destination
    std::int64_t pad_top = 0, pad_left = 0;
    std::int64_t line = 0;  ///< 0: a window of 3x3; 3 or 5: one of 1x3 or 1x5, `pad_top` being 0
    bool bias = false;
    bool sum = false;  ///< adds a tensor of the result's extents, which may be the result's memory
    bool relu = false;

    std::int64_t taps() const { return line == 0 ? 9 : line; }
    std::int64_t terms() const { return line == 0 ? 16 : line + 1; }
    std::int64_t tiles() const { return batch * tile_rows() * tile_columns(); }
    std::int64_t tile_height() const { return line == 0 ? 2 : 1; }
    std::int64_t tile_rows() const { return (out_height + tile_height() - 1) / tile_height(); }
    std::int64_t tile_columns() const { return (out_width + 1) / 2; }
    /// Of the transformed weights.
    std::int64_t packed_floats() const;
  };

  Winograd(const Form& form, int threads);

  std::int64_t scratch_floats() const { return threads_ * scratch_of_thread(); }

  /// src: source, weights as `pack_weights` makes them, bias if there is one, what is added if
  /// there is something; dst: result, scratch.
  ops::Kernel kernel() const;

 private:
  struct Pointers {
    const float* src;
    const float* weights;
    const float* bias;
    const float* sum;
    float* dst;
  };
  std::int64_t padded_in() const;
  std::int64_t scratch_of_thread() const;
  void run(const Pointers& memory, float* scratch, std::int64_t first, std::int64_t count) const;

  Form form_;
  std::int64_t threads_;
  std::int64_t blocks_;  ///< of tiles, that are worked on at once
  std::int64_t most_;    ///< tiles in a block
};

/// `weights`: [out][in][taps]; to [out / 64][terms][in][64].
void pack_winograd_weights(const Winograd::Form& form, const float* weights, float* packed);

/// The machine has the vectors that it is written for: AVX-512 or AVX2.
bool has_winograd();

}  // namespace coinfer::kernels
