#include "kernels/thin_product.hpp"

#include <algorithm>

#include "kernels/panel_product.hpp"

namespace coinfer::kernels {
namespace {

constexpr int vectors = panel_vectors;

/// The weights of one column of the matrix.
COINFER_INLINE void load_panel(Floats (&to)[vectors], const float* from) {
  COINFER_UNROLL
  for (int v = 0; v < vectors; ++v) {
    load(to[v], from + v * lanes);
  }
}
/// Of bf16 two vectors lie in one another, the first one's numbers in the upper halves of 32 bits:
/// to take them apart costs less than to widen each.
COINFER_INLINE void load_panel(Floats (&to)[vectors], const std::uint16_t* from) {
  COINFER_UNROLL
  for (int v = 0; v < vectors; v += 2) {
    Integers pairs;
    std::memcpy(&pairs, from + v * lanes, sizeof(pairs));
    to[v] = (Floats)(pairs & -0x10000);
    to[v + 1] = (Floats)(pairs << 16);
  }
}

/// R rows of c, `count` columns of one panel. `Chains`: sums of every second k of their own, which
/// a single row needs to hide the latency of an addition.
template <int R, int Chains, class Weight>
COINFER_INLINE void multiply_panel(std::int64_t k, const float* a, const Weight* w, float* c,
                                   std::int64_t stride_c, std::int64_t count) {
  Floats sums[R][Chains][vectors] = {};
  std::int64_t i = 0;
  for (; i + Chains <= k; i += Chains) {
    COINFER_UNROLL
    for (int chain = 0; chain < Chains; ++chain, w += panel) {
      Floats m[vectors];
      load_panel(m, w);
      COINFER_UNROLL
      for (int r = 0; r < R; ++r) {
        const float x = a[r * k + i + chain];
        COINFER_UNROLL
        for (int v = 0; v < vectors; ++v) {
          sums[r][chain][v] += m[v] * x;
        }
      }
    }
  }
  for (; i < k; ++i, w += panel) {
    Floats m[vectors];
    load_panel(m, w);
    COINFER_UNROLL
    for (int r = 0; r < R; ++r) {
      COINFER_UNROLL
      for (int v = 0; v < vectors; ++v) {
        sums[r][0][v] += m[v] * a[r * k + i];
      }
    }
  }
  COINFER_UNROLL
  for (int r = 0; r < R; ++r) {
    auto* const to = c + r * stride_c;
    COINFER_UNROLL
    for (int v = 0; v < vectors; ++v) {
      COINFER_UNROLL
      for (int chain = 1; chain < Chains; ++chain) {
        sums[r][0][v] += sums[r][chain][v];
      }
      add_some(to + v * lanes, sums[r][0][v], count - v * lanes);
    }
  }
}

template <class Weight>
COINFER_INLINE void multiply(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                             const Weight* packed, float* c, std::int64_t stride_c) {
  for (std::int64_t at = 0; at < n; at += panel, packed += panel * k) {
    const auto count = n - at < panel ? n - at : panel;
    std::int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      multiply_panel<4, 1>(k, a + row * k, packed, c + row * stride_c + at, stride_c, count);
    }
    for (; row + 2 <= rows; row += 2) {
      multiply_panel<2, 1>(k, a + row * k, packed, c + row * stride_c + at, stride_c, count);
    }
    if (row < rows) {
      multiply_panel<1, 2>(k, a + row * k, packed, c + row * stride_c + at, stride_c, count);
    }
  }
}

template <class Weight>
using Multiply = void (*)(std::int64_t, std::int64_t, std::int64_t, const float*, const Weight*,
                          float*, std::int64_t);

template <class Weight>
COINFER_AVX512 void multiply_avx512(std::int64_t rows, std::int64_t n, std::int64_t k,
                                    const float* a, const Weight* packed, float* c,
                                    std::int64_t stride_c) {
  multiply(rows, n, k, a, packed, c, stride_c);
}
template <class Weight>
COINFER_AVX2 void multiply_avx2(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                                const Weight* packed, float* c, std::int64_t stride_c) {
  multiply(rows, n, k, a, packed, c, stride_c);
}
template <class Weight>
void multiply_baseline(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                       const Weight* packed, float* c, std::int64_t stride_c) {
  multiply(rows, n, k, a, packed, c, stride_c);
}

template <class Weight>
Multiply<Weight> best_multiply() {
  switch (isa()) {
    case Isa::avx512:
      return multiply_avx512<Weight>;
    case Isa::avx2:
      return multiply_avx2<Weight>;
    default:
      return multiply_baseline<Weight>;
  }
}

std::uint16_t rounded(float value) {
  std::uint16_t halves[lanes];
  store(halves, Floats{} + value);
  return halves[0];
}

/// The column of a panel whose number is the `at`th of those side by side.
std::int64_t column_at(std::int64_t at, float) { return at; }
std::int64_t column_at(std::int64_t at, std::uint16_t) {
  return at / (2 * lanes) * 2 * lanes + at % (2 * lanes) / 2 + (at % 2 == 0 ? lanes : 0);
}

template <class Weight, class Convert>
void pack(const float* matrix, std::int64_t n, std::int64_t k, Weight* packed,
          const Convert& convert) {
  for (std::int64_t first = 0; first < n; first += panel) {
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t at = 0; at < panel; ++at) {
        const auto j = first + column_at(at, Weight{});
        *packed++ = j < n ? convert(matrix[j * k + i]) : Weight{};
      }
    }
  }
}

}  // namespace

std::int64_t packed_numbers(std::int64_t n, std::int64_t k) {
  return (n + panel - 1) / panel * panel * k;
}

void pack_rows(const float* matrix, std::int64_t n, std::int64_t k, float* packed) {
  pack(matrix, n, k, packed, [](float value) { return value; });
}

void pack_rows(const float* matrix, std::int64_t n, std::int64_t k, std::uint16_t* packed) {
  pack(matrix, n, k, packed, rounded);
}

void multiply_packed(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                     const float* packed, float* c, std::int64_t stride_c) {
  static const auto best = best_multiply<float>();
  best(rows, n, k, a, packed, c, stride_c);
}

void multiply_packed(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                     const std::uint16_t* packed, float* c, std::int64_t stride_c) {
  static const auto best = best_multiply<std::uint16_t>();
  best(rows, n, k, a, packed, c, stride_c);
}

}  // namespace coinfer::kernels
