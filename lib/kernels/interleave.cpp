#include "kernels/interleave.hpp"

#include <immintrin.h>

#include <algorithm>

#include "kernels/isa.hpp"

namespace coinfer::kernels {
namespace {

/// The lowest `count` bits, at most 32.
std::uint32_t first(std::int64_t count) {
  return count >= 32 ? ~0U : (1U << std::max<std::int64_t>(count, 0)) - 1;
}

template <class T>
constexpr std::int64_t lanes_of = 64 / sizeof(T);

COINFER_AVX512 COINFER_INLINE __m512i load_some(const std::uint16_t* from, std::uint32_t some) {
  return _mm512_maskz_loadu_epi16(some, from);
}
COINFER_AVX512 COINFER_INLINE __m512i load_some(const std::uint32_t* from, std::uint32_t some) {
  return _mm512_maskz_loadu_epi32(static_cast<__mmask16>(some), from);
}
COINFER_AVX512 COINFER_INLINE void store_some(std::uint16_t* to, std::uint32_t some, __m512i v) {
  _mm512_mask_storeu_epi16(to, some, v);
}
COINFER_AVX512 COINFER_INLINE void store_some(std::uint32_t* to, std::uint32_t some, __m512i v) {
  _mm512_mask_storeu_epi32(to, static_cast<__mmask16>(some), v);
}
COINFER_AVX512 COINFER_INLINE __m512i take(std::uint16_t, __m512i v, std::uint32_t some,
                                           __m512i lanes, __m512i from) {
  return _mm512_mask_permutexvar_epi16(v, some, lanes, from);
}
COINFER_AVX512 COINFER_INLINE __m512i take(std::uint32_t, __m512i v, std::uint32_t some,
                                           __m512i lanes, __m512i from) {
  return _mm512_mask_permutexvar_epi32(v, static_cast<__mmask16>(some), lanes, from);
}

}  // namespace

template <class T>
struct Interleave::Run {
  /// With the number of arrays known, they lie in registers.
  template <int arrays>
  COINFER_AVX512 static void run(const Interleave& self, const void* src, std::int64_t stride,
                                 void* dst, std::int64_t count) {
    constexpr auto lanes = lanes_of<T>;
    const auto* from = static_cast<const T*>(src);
    auto* to = static_cast<T*>(dst);
    for (std::int64_t i = 0; i < count; i += lanes, from += lanes) {
      const auto now = std::min(lanes, count - i);
      __m512i rows[arrays];
      COINFER_UNROLL
      for (int k = 0; k < arrays; ++k) {
        rows[k] = load_some(from + k * stride, first(now));
      }
      COINFER_UNROLL
      for (int v = 0; v < arrays; ++v, to += lanes) {
        const auto at = _mm512_load_si512(self.lanes_[v].data());
        auto mixed = _mm512_setzero_si512();
        COINFER_UNROLL
        for (int k = 0; k < arrays; ++k) {
          mixed = take(T{}, mixed, self.masks_[v][k], at, rows[k]);
        }
        store_some(to, first(now * arrays - v * lanes), mixed);
      }
    }
  }

  static Function of(std::int64_t arrays) {
    constexpr std::array<Function, most_arrays + 1> functions{
        nullptr, nullptr, &run<2>, &run<3>, &run<4>, &run<5>, &run<6>, &run<7>, &run<8>};
    return functions[static_cast<std::size_t>(arrays)];
  }

  static void fill(Interleave& self) {
    constexpr auto lanes = lanes_of<T>;
    for (std::int64_t at = 0; at < self.arrays_ * lanes; ++at) {
      const auto v = static_cast<std::size_t>(at / lanes);
      const auto lane = at % lanes;
      const auto index = static_cast<T>(at / self.arrays_);
      std::copy_n(reinterpret_cast<const std::byte*>(&index), sizeof(T),
                  self.lanes_[v].data() + lane * static_cast<std::int64_t>(sizeof(T)));
      self.masks_[v][static_cast<std::size_t>(at % self.arrays_)] |= 1U << lane;
    }
  }
};

bool Interleave::fits(std::int64_t arrays, std::size_t width) {
  return isa() == Isa::avx512 && arrays >= 2 && arrays <= most_arrays && (width == 2 || width == 4);
}

Interleave::Interleave(std::int64_t arrays, std::size_t width)
    : run_{width == 2 ? Run<std::uint16_t>::of(arrays) : Run<std::uint32_t>::of(arrays)},
      arrays_{arrays} {
  width == 2 ? Run<std::uint16_t>::fill(*this) : Run<std::uint32_t>::fill(*this);
}

}  // namespace coinfer::kernels
