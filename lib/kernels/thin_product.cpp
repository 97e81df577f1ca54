#include "kernels/thin_product.hpp"

#include <algorithm>

#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

constexpr int vectors = 4;
constexpr std::int64_t panel = vectors * lanes;

/// R rows of c, `count` columns of one panel. `Chains`: sums of every second k of their own, which
/// a single row needs to hide the latency of an addition.
template <int R, int Chains>
COINFER_INLINE void multiply_panel(std::int64_t k, const float* a, const float* w, float* c,
                                   std::int64_t stride_c, std::int64_t count) {
  Floats sums[R][Chains][vectors] = {};
  std::int64_t i = 0;
  for (; i + Chains <= k; i += Chains) {
    COINFER_UNROLL
    for (int chain = 0; chain < Chains; ++chain, w += panel) {
      Floats m[vectors];
      COINFER_UNROLL
      for (int v = 0; v < vectors; ++v) {
        load(m[v], w + v * lanes);
      }
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
    COINFER_UNROLL
    for (int r = 0; r < R; ++r) {
      COINFER_UNROLL
      for (int v = 0; v < vectors; ++v) {
        Floats m;
        load(m, w + v * lanes);
        sums[r][0][v] += m * a[r * k + i];
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

COINFER_INLINE void multiply(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                             const float* packed, float* c, std::int64_t stride_c) {
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

using Multiply = void (*)(std::int64_t, std::int64_t, std::int64_t, const float*, const float*,
                          float*, std::int64_t);

COINFER_AVX512 void multiply_avx512(std::int64_t rows, std::int64_t n, std::int64_t k,
                                    const float* a, const float* packed, float* c,
                                    std::int64_t stride_c) {
  multiply(rows, n, k, a, packed, c, stride_c);
}
COINFER_AVX2 void multiply_avx2(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                                const float* packed, float* c, std::int64_t stride_c) {
  multiply(rows, n, k, a, packed, c, stride_c);
}
void multiply_baseline(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                       const float* packed, float* c, std::int64_t stride_c) {
  multiply(rows, n, k, a, packed, c, stride_c);
}

Multiply best_multiply() {
  switch (isa()) {
    case Isa::avx512:
      return multiply_avx512;
    case Isa::avx2:
      return multiply_avx2;
    default:
      return multiply_baseline;
  }
}

}  // namespace

std::int64_t packed_floats(std::int64_t n, std::int64_t k) {
  return (n + panel - 1) / panel * panel * k;
}

void pack_rows(const float* matrix, std::int64_t n, std::int64_t k, float* packed) {
  for (std::int64_t at = 0; at < n; at += panel) {
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = at; j < at + panel; ++j) {
        *packed++ = j < n ? matrix[j * k + i] : 0.0F;
      }
    }
  }
}

void multiply_packed(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                     const float* packed, float* c, std::int64_t stride_c) {
  static const Multiply best = best_multiply();
  best(rows, n, k, a, packed, c, stride_c);
}

}  // namespace coinfer::kernels
