#include "kernels/pixels.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

/// Numbers 16 k to 16 k + 15 of sixteen pixels of three channels: lane j of them is channel
/// (16 k + j) % 3 of pixel (16 k + j) / 3.
template <int k, std::size_t... j>
COINFER_INLINE void third_of(std::uint16_t* to, const Halves& a, const Halves& b, const Halves& c,
                             std::index_sequence<j...>) {
  const Halves two = __builtin_shufflevector(
      a, b,
      ((16 * k + static_cast<int>(j)) % 3 == 2
           ? 0
           : (16 * k + static_cast<int>(j)) / 3 + 16 * ((16 * k + static_cast<int>(j)) % 3))...);
  const Halves three = __builtin_shufflevector(
      two, c,
      ((16 * k + static_cast<int>(j)) % 3 == 2 ? 16 + (16 * k + static_cast<int>(j)) / 3
                                               : static_cast<int>(j))...);
  std::memcpy(to, &three, sizeof(three));
}

template <int channels>
COINFER_INLINE void sixteen(const float* x, std::int64_t plane, std::int64_t count,
                            std::uint16_t* y) {
  std::uint16_t rounded[channels][lanes];
  for (int c = 0; c < channels; ++c) {
    Floats v;
    load_some(v, x + c * plane, count);
    store(rounded[c], v);
  }
  if (channels == 3 && count >= lanes) {
    Halves h[3];
    std::memcpy(h, rounded, sizeof(h));
    constexpr std::make_index_sequence<lanes> all{};
    third_of<0>(y, h[0], h[1], h[2], all);
    third_of<1>(y + lanes, h[0], h[1], h[2], all);
    third_of<2>(y + 2 * lanes, h[0], h[1], h[2], all);
    return;
  }
  for (std::int64_t i = 0; i < std::min(count, lanes); ++i) {
    for (int c = 0; c < channels; ++c) {
      y[i * channels + c] = rounded[c][i];
    }
  }
}

template <int channels>
COINFER_INLINE void pixels_of(const float* x, std::int64_t plane, std::int64_t count,
                              std::uint16_t* y) {
  for (std::int64_t i = 0; i < count; i += lanes) {
    sixteen<channels>(x + i, plane, count - i, y + i * channels);
  }
}

using Pixels = void (*)(const float*, std::int64_t, std::int64_t, std::uint16_t*);

template <int channels>
COINFER_AVX512 void pixels_avx512(const float* x, std::int64_t plane, std::int64_t count,
                                  std::uint16_t* y) {
  pixels_of<channels>(x, plane, count, y);
}
template <int channels>
COINFER_AVX2 void pixels_avx2(const float* x, std::int64_t plane, std::int64_t count,
                              std::uint16_t* y) {
  pixels_of<channels>(x, plane, count, y);
}
template <int channels>
void pixels_baseline(const float* x, std::int64_t plane, std::int64_t count, std::uint16_t* y) {
  pixels_of<channels>(x, plane, count, y);
}

template <int channels>
Pixels best_pixels() {
  switch (isa()) {
    case Isa::avx512:
      return pixels_avx512<channels>;
    case Isa::avx2:
      return pixels_avx2<channels>;
    default:
      return pixels_baseline<channels>;
  }
}

}  // namespace

ops::Kernel planes_to_pixels(std::int64_t images, std::int64_t channels, std::int64_t pixels,
                             int threads) {
  const std::array<Pixels, most_planes> kernels{best_pixels<1>(), best_pixels<2>(),
                                                best_pixels<3>(), best_pixels<4>()};
  const auto work = kernels[static_cast<std::size_t>(channels - 1)];
  constexpr std::int64_t grain = 8192;
  return [=](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    auto* y = static_cast<std::uint16_t*>(dst[0]);
    parallel(images * pixels, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const auto image = begin / pixels;
        const auto at = begin % pixels;
        const auto count = std::min(end - begin, pixels - at);
        work(x + image * channels * pixels + at, pixels, count, y + begin * channels);
        begin += count;
      }
    });
  };
}

}  // namespace coinfer::kernels
