#include "kernels/scale_shift.hpp"

#include <limits>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

template <class T>
COINFER_INLINE void rows_of(const T* x, const float* scale, const float* shift, T* y,
                            std::int64_t rows, std::int64_t channels, bool relu) {
  const Floats low = Floats{} - (relu ? 0.0F : std::numeric_limits<float>::infinity());
  for (std::int64_t r = 0; r < rows; ++r, x += channels, y += channels) {
    for (std::int64_t c = 0; c < channels; c += lanes) {
      const auto count = channels - c;
      Floats v;
      Floats factor;
      Floats summand;
      load_some(v, x + c, count);
      load_some(factor, scale + c, count);
      load_some(summand, shift + c, count);
      v = v * factor + summand;
      v = v < low ? low : v;
      store_some(y + c, v, count);
    }
  }
}

template <class T>
using Rows = void (*)(const T*, const float*, const float*, T*, std::int64_t, std::int64_t, bool);

template <class T>
COINFER_AVX512 void rows_avx512(const T* x, const float* scale, const float* shift, T* y,
                                std::int64_t rows, std::int64_t channels, bool relu) {
  rows_of(x, scale, shift, y, rows, channels, relu);
}
template <class T>
COINFER_AVX2 void rows_avx2(const T* x, const float* scale, const float* shift, T* y,
                            std::int64_t rows, std::int64_t channels, bool relu) {
  rows_of(x, scale, shift, y, rows, channels, relu);
}
template <class T>
void rows_baseline(const T* x, const float* scale, const float* shift, T* y, std::int64_t rows,
                   std::int64_t channels, bool relu) {
  rows_of(x, scale, shift, y, rows, channels, relu);
}

template <class T>
Rows<T> best_rows() {
  switch (isa()) {
    case Isa::avx512:
      return rows_avx512<T>;
    case Isa::avx2:
      return rows_avx2<T>;
    default:
      return rows_baseline<T>;
  }
}

template <class T>
ops::Kernel scale_shift_of(std::int64_t rows, std::int64_t channels, bool relu, int threads) {
  const auto grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(channels, 1));
  return [=, work = best_rows<T>()](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const T*>(src[0]);
    const auto* scale = static_cast<const float*>(src[1]);
    const auto* shift = static_cast<const float*>(src[2]);
    auto* y = static_cast<T*>(dst[0]);
    parallel(rows, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      work(x + begin * channels, scale, shift, y + begin * channels, end - begin, channels, relu);
    });
  };
}

}  // namespace

ops::Kernel scale_shift(std::int64_t rows, std::int64_t channels, bool relu, bool bf16,
                        int threads) {
  return bf16 ? scale_shift_of<std::uint16_t>(rows, channels, relu, threads)
              : scale_shift_of<float>(rows, channels, relu, threads);
}

}  // namespace coinfer::kernels
