#include "kernels/channel_scale.hpp"

#include <algorithm>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

/// Elements that are worth a thread.
constexpr std::int64_t grain_elements = 16384;

template <class T, class F>
COINFER_INLINE void pixels_of(const T* x, const F* factors, T* y, std::int64_t pixels,
                              std::int64_t channels) {
  for (std::int64_t p = 0; p < pixels; ++p, x += channels, y += channels) {
    for (std::int64_t c = 0; c < channels; c += lanes) {
      const auto count = channels - c;
      Floats v;
      Floats factor;
      load_some(v, x + c, count);
      load_some(factor, factors + c, count);
      v *= factor;
      store_some(y + c, v, count);
    }
  }
}

template <class T, class F>
using Pixels = void (*)(const T*, const F*, T*, std::int64_t, std::int64_t);

template <class T, class F>
COINFER_AVX512 void pixels_avx512(const T* x, const F* factors, T* y, std::int64_t pixels,
                                  std::int64_t channels) {
  pixels_of(x, factors, y, pixels, channels);
}
template <class T, class F>
COINFER_AVX2 void pixels_avx2(const T* x, const F* factors, T* y, std::int64_t pixels,
                              std::int64_t channels) {
  pixels_of(x, factors, y, pixels, channels);
}
template <class T, class F>
void pixels_baseline(const T* x, const F* factors, T* y, std::int64_t pixels,
                     std::int64_t channels) {
  pixels_of(x, factors, y, pixels, channels);
}

template <class T, class F>
Pixels<T, F> best_pixels() {
  switch (isa()) {
    case Isa::avx512:
      return pixels_avx512<T, F>;
    case Isa::avx2:
      return pixels_avx2<T, F>;
    default:
      return pixels_baseline<T, F>;
  }
}

template <class T, class F>
ops::Kernel kernel_of(const ChannelScale& form, int threads) {
  const auto grain = std::max<std::int64_t>(1, grain_elements / form.channels);
  return [=, work = best_pixels<T, F>()](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const T*>(src[0]);
    const auto* factors = static_cast<const F*>(src[1]);
    auto* y = static_cast<T*>(dst[0]);
    parallel(form.images * form.pixels, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const auto image = begin / form.pixels;
        const auto now = std::min(end, (image + 1) * form.pixels) - begin;
        work(x + begin * form.channels, factors + (form.same_for_all ? 0 : image * form.channels),
             y + begin * form.channels, now, form.channels);
        begin += now;
      }
    });
  };
}

template <class T>
ops::Kernel kernel_of(const ChannelScale& form, int threads) {
  return form.factor_type == ElementType::bf16 ? kernel_of<T, std::uint16_t>(form, threads)
                                               : kernel_of<T, float>(form, threads);
}

}  // namespace

ops::Kernel channel_scale(const ChannelScale& form, int threads) {
  return form.type == ElementType::bf16 ? kernel_of<std::uint16_t>(form, threads)
                                        : kernel_of<float>(form, threads);
}

}  // namespace coinfer::kernels
