#include "kernels/gemv.hpp"

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

COINFER_INLINE float sum_of(const Floats& v) {
  float sum = 0;
  for (std::int64_t j = 0; j < lanes; ++j) {
    sum += v[j];
  }
  return sum;
}

/// Outputs [begin, end) as dot products with rows of [n, k], four rows at a time.
COINFER_INLINE void dots(const float* x, const float* w, float* y, std::int64_t k,
                         std::int64_t begin, std::int64_t end) {
  const auto whole = k / lanes * lanes;
  auto n = begin;
  for (; n + 4 <= end; n += 4) {
    const float* rows[4] = {w + n * k, w + (n + 1) * k, w + (n + 2) * k, w + (n + 3) * k};
    Floats sums[4] = {};
    for (std::int64_t i = 0; i < whole; i += lanes) {
      Floats v;
      load(v, x + i);
      for (int r = 0; r < 4; ++r) {
        Floats m;
        load(m, rows[r] + i);
        sums[r] += v * m;
      }
    }
    for (int r = 0; r < 4; ++r) {
      float sum = sum_of(sums[r]);
      for (auto i = whole; i < k; ++i) {
        sum += x[i] * rows[r][i];
      }
      y[n + r] += sum;
    }
  }
  for (; n < end; ++n) {
    Floats sums = {};
    for (std::int64_t i = 0; i < whole; i += lanes) {
      Floats v;
      Floats m;
      load(v, x + i);
      load(m, w + n * k + i);
      sums += v * m;
    }
    float sum = sum_of(sums);
    for (auto i = whole; i < k; ++i) {
      sum += x[i] * w[n * k + i];
    }
    y[n] += sum;
  }
}

/// Outputs [begin, end) as a sum of rows of [k, n], four rows at a time.
COINFER_INLINE void sums_of_rows(const float* x, const float* w, float* y, std::int64_t k,
                                 std::int64_t n, std::int64_t begin, std::int64_t end) {
  std::int64_t i = 0;
  for (; i + 4 <= k; i += 4) {
    const float* __restrict a = w + i * n;
    const float* __restrict b = a + n;
    const float* __restrict c = b + n;
    const float* __restrict d = c + n;
    float* __restrict to = y;
    for (auto j = begin; j < end; ++j) {
      to[j] += x[i] * a[j] + x[i + 1] * b[j] + x[i + 2] * c[j] + x[i + 3] * d[j];
    }
  }
  for (; i < k; ++i) {
    for (auto j = begin; j < end; ++j) {
      y[j] += x[i] * w[i * n + j];
    }
  }
}

COINFER_INLINE void part(const float* x, const float* w, float* y, std::int64_t k, std::int64_t n,
                         bool transposed, std::int64_t begin, std::int64_t end) {
  if (transposed) {
    dots(x, w, y, k, begin, end);
  } else {
    sums_of_rows(x, w, y, k, n, begin, end);
  }
}

using Part = void (*)(const float*, const float*, float*, std::int64_t, std::int64_t, bool,
                      std::int64_t, std::int64_t);

COINFER_AVX512 void part_avx512(const float* x, const float* w, float* y, std::int64_t k,
                                std::int64_t n, bool transposed, std::int64_t begin,
                                std::int64_t end) {
  part(x, w, y, k, n, transposed, begin, end);
}
COINFER_AVX2 void part_avx2(const float* x, const float* w, float* y, std::int64_t k,
                            std::int64_t n, bool transposed, std::int64_t begin, std::int64_t end) {
  part(x, w, y, k, n, transposed, begin, end);
}
void part_baseline(const float* x, const float* w, float* y, std::int64_t k, std::int64_t n,
                   bool transposed, std::int64_t begin, std::int64_t end) {
  part(x, w, y, k, n, transposed, begin, end);
}

Part best_part() {
  switch (isa()) {
    case Isa::avx512:
      return part_avx512;
    case Isa::avx2:
      return part_avx2;
    default:
      return part_baseline;
  }
}

}  // namespace

ops::Kernel gemv(std::int64_t k, std::int64_t n, bool transposed, bool bias, int threads) {
  const auto grain = std::max<std::int64_t>(16, 65536 / std::max<std::int64_t>(k, 1));
  return [=, part = best_part()](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    const auto* w = static_cast<const float*>(src[1]);
    const auto* added = bias ? static_cast<const float*>(src[2]) : nullptr;
    auto* y = static_cast<float*>(dst[0]);
    parallel(n, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        y[i] = added != nullptr ? added[i] : 0.0F;
      }
      part(x, w, y, k, n, transposed, begin, end);
    });
  };
}

}  // namespace coinfer::kernels
