#include "kernels/scale_shift.hpp"

#include "kernels/isa.hpp"
#include "kernels/parallel.hpp"

namespace coinfer::kernels {
namespace {

COINFER_INLINE void rows_of(const float* x, const float* scale, const float* shift, float* y,
                            std::int64_t rows, std::int64_t channels, bool relu) {
  for (std::int64_t r = 0; r < rows; ++r, x += channels, y += channels) {
    if (relu) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const float v = x[c] * scale[c] + shift[c];
        y[c] = v < 0.0F ? 0.0F : v;
      }
    } else {
      for (std::int64_t c = 0; c < channels; ++c) {
        y[c] = x[c] * scale[c] + shift[c];
      }
    }
  }
}

using Rows = void (*)(const float*, const float*, const float*, float*, std::int64_t, std::int64_t,
                      bool);

COINFER_AVX512 void rows_avx512(const float* x, const float* scale, const float* shift, float* y,
                                std::int64_t rows, std::int64_t channels, bool relu) {
  rows_of(x, scale, shift, y, rows, channels, relu);
}
COINFER_AVX2 void rows_avx2(const float* x, const float* scale, const float* shift, float* y,
                            std::int64_t rows, std::int64_t channels, bool relu) {
  rows_of(x, scale, shift, y, rows, channels, relu);
}
void rows_baseline(const float* x, const float* scale, const float* shift, float* y,
                   std::int64_t rows, std::int64_t channels, bool relu) {
  rows_of(x, scale, shift, y, rows, channels, relu);
}

Rows best_rows() {
  switch (isa()) {
    case Isa::avx512:
      return rows_avx512;
    case Isa::avx2:
      return rows_avx2;
    default:
      return rows_baseline;
  }
}

}  // namespace

ops::Kernel scale_shift(std::int64_t rows, std::int64_t channels, bool relu, int threads) {
  const auto grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(channels, 1));
  return [=, work = best_rows()](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    const auto* scale = static_cast<const float*>(src[1]);
    const auto* shift = static_cast<const float*>(src[2]);
    auto* y = static_cast<float*>(dst[0]);
    parallel(rows, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      work(x + begin * channels, scale, shift, y + begin * channels, end - begin, channels, relu);
    });
  };
}

}  // namespace coinfer::kernels
