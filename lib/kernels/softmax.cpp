#include "kernels/softmax.hpp"

#include <limits>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

constexpr std::int64_t lanes = 16;

COINFER_INLINE void row_of(const float* x, const float* mask, float* y, std::int64_t n,
                           float scale) {
  float greatest[lanes];
  for (std::int64_t j = 0; j < lanes; ++j) {
    greatest[j] = -std::numeric_limits<float>::infinity();
  }
  if (mask != nullptr) {
    for (std::int64_t i = 0; i < n; ++i) {
      y[i] = x[i] * scale + mask[i];
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      y[i] = x[i] * scale;
    }
  }
  const auto whole = n / lanes * lanes;
  for (std::int64_t i = 0; i < whole; i += lanes) {
    for (std::int64_t j = 0; j < lanes; ++j) {
      greatest[j] = y[i + j] > greatest[j] ? y[i + j] : greatest[j];
    }
  }
  float top = greatest[0];
  for (std::int64_t j = 1; j < lanes; ++j) {
    top = greatest[j] > top ? greatest[j] : top;
  }
  for (auto i = whole; i < n; ++i) {
    top = y[i] > top ? y[i] : top;
  }
  float sums[lanes] = {};
  for (std::int64_t i = 0; i < whole; i += lanes) {
    for (std::int64_t j = 0; j < lanes; ++j) {
      const float e = fast_exp(y[i + j] - top);
      y[i + j] = e;
      sums[j] += e;
    }
  }
  float sum = 0;
  for (auto i = whole; i < n; ++i) {
    y[i] = fast_exp(y[i] - top);
    sum += y[i];
  }
  for (std::int64_t j = 0; j < lanes; ++j) {
    sum += sums[j];
  }
  const float inverse = 1.0F / sum;
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] *= inverse;
  }
}

using Row = void (*)(const float*, const float*, float*, std::int64_t, float);

COINFER_AVX512 void row_avx512(const float* x, const float* mask, float* y, std::int64_t n,
                               float scale) {
  row_of(x, mask, y, n, scale);
}
COINFER_AVX2 void row_avx2(const float* x, const float* mask, float* y, std::int64_t n,
                           float scale) {
  row_of(x, mask, y, n, scale);
}
void row_baseline(const float* x, const float* mask, float* y, std::int64_t n, float scale) {
  row_of(x, mask, y, n, scale);
}

Row best_row() {
  switch (isa()) {
    case Isa::avx512:
      return row_avx512;
    case Isa::avx2:
      return row_avx2;
    default:
      return row_baseline;
  }
}

}  // namespace

ops::Kernel softmax(const Softmax& form, int threads) {
  std::int64_t rows = 1;
  for (const auto extent : form.outer) {
    rows *= extent;
  }
  return [form, rows, threads, row = best_row()](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    const auto* mask = form.mask ? static_cast<const float*>(src[1]) : nullptr;
    auto* y = static_cast<float*>(dst[0]);
    const auto grain = std::max<std::int64_t>(1, 8192 / form.length);
    parallel(rows, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      for (auto at = begin; at < end; ++at) {
        const float* added = mask;
        if (mask != nullptr) {
          auto rest = at;
          for (auto i = form.outer.size(); i-- > 0;) {
            added += rest % form.outer[i] * form.mask_strides[i];
            rest /= form.outer[i];
          }
        }
        row(x + at * form.length, added, y + at * form.length, form.length, form.scale);
      }
    });
  };
}

}  // namespace coinfer::kernels
