#include "kernels/planar_conv.hpp"

#include <cstring>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

using Activation = PlanarConv::Activation;

constexpr std::int64_t block = 2 * lanes;  // channels that the packed weights keep together

/// Rows of the source that one row of the destination reads, with their padding, lie one after the
/// other in a buffer; this many numbers apart.
std::int64_t row_floats(const PlanarConv& form) {
  const auto read = (form.out_width - 1) * form.stride_x + form.kernel_width;
  return (std::max(read, form.pad_left + form.width) + lanes) / lanes * lanes;
}

COINFER_INLINE void activate(Floats& x, const PlanarConv& form) {
  if (form.activation == Activation::relu) {
    x = x < 0.0F ? Floats{} : x;
  } else if (form.activation == Activation::hard_swish) {
    Floats gate = x * form.alpha + form.beta;
    gate = gate < 0.0F ? Floats{} : gate;
    gate = gate > 1.0F ? Floats{} + 1.0F : gate;
    x *= gate;
  }
}

/// Pixels neighbouring ones of the destination, Vectors * 16 channels of each.
template <int Pixels, int Vectors, int Stride>
COINFER_INLINE void pixels_of(const PlanarConv& form, const float* rows, std::int64_t row,
                              const float* weights, const float* bias, float* dst,
                              std::int64_t channels) {
  Floats sums[Pixels][Vectors];
  COINFER_UNROLL
  for (int v = 0; v < Vectors; ++v) {
    Floats first = {};
    if (bias != nullptr) {
      load_some(first, bias + v * lanes, channels - v * lanes);
    }
    COINFER_UNROLL
    for (int p = 0; p < Pixels; ++p) {
      sums[p][v] = first;
    }
  }
  const auto lines = form.in * form.kernel_height;
  const auto taps = form.kernel_width;
  for (std::int64_t line = 0; line < lines; ++line, rows += row) {
    for (std::int64_t k = 0; k < taps; ++k, weights += block) {
      Floats w[Vectors];
      COINFER_UNROLL
      for (int v = 0; v < Vectors; ++v) {
        load(w[v], weights + v * lanes);
      }
      COINFER_UNROLL
      for (int p = 0; p < Pixels; ++p) {
        const float x = rows[k + p * Stride];
        COINFER_UNROLL
        for (int v = 0; v < Vectors; ++v) {
          sums[p][v] += w[v] * x;
        }
      }
    }
  }
  COINFER_UNROLL
  for (int p = 0; p < Pixels; ++p) {
    COINFER_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      activate(sums[p][v], form);
    }
  }
  if (channels >= Vectors * lanes) {
    COINFER_UNROLL
    for (int p = 0; p < Pixels; ++p) {
      COINFER_UNROLL
      for (int v = 0; v < Vectors; ++v) {
        store(dst + p * form.out + v * lanes, sums[p][v]);
      }
    }
    return;
  }
  float some[Pixels * Vectors * lanes];
  COINFER_UNROLL
  for (int p = 0; p < Pixels; ++p) {
    COINFER_UNROLL
    for (int v = 0; v < Vectors; ++v) {
      store(some + (p * Vectors + v) * lanes, sums[p][v]);
    }
  }
  for (int p = 0; p < Pixels; ++p) {
    std::memcpy(dst + p * form.out, some + p * Vectors * lanes,
                static_cast<std::size_t>(channels) * sizeof(float));
  }
}

/// One row of the destination, the channels of one vector or two.
template <int Pixels, int Vectors, int Stride>
COINFER_INLINE void row_of(const PlanarConv& form, const float* rows, std::int64_t row,
                           const float* weights, const float* bias, float* dst,
                           std::int64_t channels) {
  constexpr int few = Pixels / 3;
  std::int64_t x = 0;
  for (; x + Pixels <= form.out_width; x += Pixels) {
    pixels_of<Pixels, Vectors, Stride>(form, rows + x * Stride, row, weights, bias,
                                       dst + x * form.out, channels);
  }
  for (; x + few <= form.out_width; x += few) {
    pixels_of<few, Vectors, Stride>(form, rows + x * Stride, row, weights, bias, dst + x * form.out,
                                    channels);
  }
  for (; x < form.out_width; ++x) {
    pixels_of<1, Vectors, Stride>(form, rows + x * Stride, row, weights, bias, dst + x * form.out,
                                  channels);
  }
}

/// Two: pixels at once with two vectors of channels; One: with one.
template <int Two, int One, int Stride>
COINFER_INLINE void all_channels(const PlanarConv& form, const float* rows, std::int64_t row,
                                 const float* weights, const float* bias, float* dst) {
  const auto of_block = form.in * form.kernel_height * form.kernel_width * block;
  for (std::int64_t c = 0; c < form.out; c += block, weights += of_block) {
    const auto channels = form.out - c;
    const auto* const own = bias == nullptr ? nullptr : bias + c;
    if (channels > lanes) {
      row_of<Two, 2, Stride>(form, rows, row, weights, own, dst + c, channels);
    } else {
      row_of<One, 1, Stride>(form, rows, row, weights, own, dst + c, channels);
    }
  }
}

template <int Two, int One>
COINFER_INLINE void any_stride(const PlanarConv& form, const float* rows, std::int64_t row,
                               const float* weights, const float* bias, float* dst) {
  if (form.stride_x == 1) {
    all_channels<Two, One, 1>(form, rows, row, weights, bias, dst);
  } else if (form.stride_x == 2) {
    all_channels<Two, One, 2>(form, rows, row, weights, bias, dst);
  } else {
    all_channels<Two, One, 4>(form, rows, row, weights, bias, dst);
  }
}

using Row = void (*)(const PlanarConv&, const float*, std::int64_t, const float*, const float*,
                     float*);

// As many sums as there are registers for: 24 of 32, and 6 pairs of 16.
COINFER_AVX512 void row_avx512(const PlanarConv& form, const float* rows, std::int64_t row,
                               const float* weights, const float* bias, float* dst) {
  any_stride<12, 24>(form, rows, row, weights, bias, dst);
}
COINFER_AVX2 void row_avx2(const PlanarConv& form, const float* rows, std::int64_t row,
                           const float* weights, const float* bias, float* dst) {
  any_stride<3, 6>(form, rows, row, weights, bias, dst);
}

/// The rows of all planes that row `y` of image `n` reads, with zeros around them.
void gather_rows(const PlanarConv& form, const float* src, std::int64_t n, std::int64_t y,
                 std::int64_t row, float* to) {
  for (std::int64_t c = 0; c < form.in; ++c) {
    const auto* const plane = src + (n * form.in + c) * form.height * form.width;
    for (std::int64_t k = 0; k < form.kernel_height; ++k, to += row) {
      const auto at = y * form.stride_y - form.pad_top + k;
      if (at < 0 || at >= form.height) {
        std::fill_n(to, row, 0.0F);
      } else {
        std::fill_n(to, form.pad_left, 0.0F);
        std::copy_n(plane + at * form.width, form.width, to + form.pad_left);
        const auto filled = form.pad_left + form.width;
        std::fill_n(to + filled, row - filled, 0.0F);
      }
    }
  }
}

std::int64_t rows_floats(const PlanarConv& form) {
  return form.in * form.kernel_height * row_floats(form);
}

}  // namespace

std::int64_t PlanarConv::packed_floats() const {
  return (out + block - 1) / block * block * in * kernel_height * kernel_width;
}

std::int64_t PlanarConv::scratch_floats(int threads) const {
  return std::max(threads, 1) * rows_floats(*this);
}

bool has_planar_conv() { return isa() != Isa::baseline; }

void pack_weights(const PlanarConv& form, const float* weights, float* packed) {
  const auto taps = form.in * form.kernel_height * form.kernel_width;
  for (std::int64_t first = 0; first < form.out; first += block) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (auto c = first; c < first + block; ++c) {
        *packed++ = c < form.out ? weights[c * taps + tap] : 0.0F;
      }
    }
  }
}

ops::Kernel planar_conv(const PlanarConv& form, int threads) {
  const Row work = isa() == Isa::avx512 ? row_avx512 : row_avx2;
  const auto parts = std::min<std::int64_t>(std::max(threads, 1), form.batch * form.out_height);
  return [form, work, parts, threads](const void* const* src, void* const* dst) {
    const auto* const image = static_cast<const float*>(src[0]);
    const auto* const weights = static_cast<const float*>(src[1]);
    const auto* const bias = form.bias ? static_cast<const float*>(src[2]) : nullptr;
    auto* const result = static_cast<float*>(dst[0]);
    auto* const scratch = static_cast<float*>(dst[1]);
    const auto row = row_floats(form);
    const auto count = form.batch * form.out_height;
    parallel(parts, 1, threads, [&](std::int64_t begin, std::int64_t end) {
      auto* const rows = scratch + begin * rows_floats(form);
      for (auto at = count * begin / parts; at < count * end / parts; ++at) {
        gather_rows(form, image, at / form.out_height, at % form.out_height, row, rows);
        work(form, rows, row, weights, bias, result + at * form.out_width * form.out);
      }
    });
  };
}

}  // namespace coinfer::kernels
