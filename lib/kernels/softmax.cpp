#include "kernels/softmax.hpp"

#include <limits>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

COINFER_INLINE void row_of(const float* x, const float* mask, float* y, std::int64_t n,
                           float scale) {
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  const auto whole = n / lanes * lanes;
  // What is left of the row is worked on in a buffer, filled up with what counts for nothing.
  float rest[lanes];
  for (std::int64_t j = 0; j < lanes; ++j) {
    const auto i = whole + j;
    rest[j] = i >= n ? nothing : x[i] * scale + (mask != nullptr ? mask[i] : 0.0F);
  }
  Floats greatest;
  load(greatest, rest);
  for (std::int64_t i = 0; i < whole; i += lanes) {
    Floats v;
    load(v, x + i);
    v *= scale;
    if (mask != nullptr) {
      Floats m;
      load(m, mask + i);
      v += m;
    }
    store(y + i, v);
    greatest = v > greatest ? v : greatest;
  }
  float top = greatest[0];
  for (std::int64_t j = 1; j < lanes; ++j) {
    top = greatest[j] > top ? greatest[j] : top;
  }
  Floats tail;
  load(tail, rest);
  tail -= top;
  exp_of(tail);
  Floats sums = tail;
  for (std::int64_t i = 0; i < whole; i += lanes) {
    Floats v;
    load(v, y + i);
    v -= top;
    exp_of(v);
    store(y + i, v);
    sums += v;
  }
  float sum = 0;
  for (std::int64_t j = 0; j < lanes; ++j) {
    sum += sums[j];
  }
  const float inverse = 1.0F / sum;
  for (std::int64_t i = 0; i < whole; i += lanes) {
    Floats v;
    load(v, y + i);
    v *= inverse;
    store(y + i, v);
  }
  for (auto i = whole; i < n; ++i) {
    y[i] = tail[i - whole] * inverse;
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
