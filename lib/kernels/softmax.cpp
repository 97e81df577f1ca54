#include "kernels/softmax.hpp"

#include <limits>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

/// `y` holds the powers meanwhile; it may be `x` or `out`.
template <class T>
COINFER_INLINE void row_of(const float* x, const float* mask, float* y, T* out, std::int64_t n,
                           float scale) {
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  const auto whole = n / lanes * lanes;
  // What is left of the row is worked on in a buffer, filled up with what counts for nothing.
  Floats tail = Floats{} + nothing;
  if (whole < n) {
    float rest[lanes];
    store(rest, tail);
    for (auto i = whole; i < n; ++i) {
      rest[i - whole] = x[i] * scale + (mask != nullptr ? mask[i] : 0.0F);
    }
    load(tail, rest);
  }
  Floats greatest = tail;
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
  const float top = greatest_of(greatest);
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
  const float inverse = 1.0F / sum_of(sums);
  for (std::int64_t i = 0; i < whole; i += lanes) {
    Floats v;
    load(v, y + i);
    v *= inverse;
    store(out + i, v);
  }
  tail *= inverse;
  if (whole < n) {
    store_some(out + whole, tail, n - whole);
  }
}

template <class T>
using Row = void (*)(const float*, const float*, float*, T*, std::int64_t, float);

template <class T>
COINFER_AVX512 void row_avx512(const float* x, const float* mask, float* y, T* out, std::int64_t n,
                               float scale) {
  row_of(x, mask, y, out, n, scale);
}
template <class T>
COINFER_AVX2 void row_avx2(const float* x, const float* mask, float* y, T* out, std::int64_t n,
                           float scale) {
  row_of(x, mask, y, out, n, scale);
}
template <class T>
void row_baseline(const float* x, const float* mask, float* y, T* out, std::int64_t n,
                  float scale) {
  row_of(x, mask, y, out, n, scale);
}

template <class T>
Row<T> best_row() {
  switch (isa()) {
    case Isa::avx512:
      return row_avx512<T>;
    case Isa::avx2:
      return row_avx2<T>;
    default:
      return row_baseline<T>;
  }
}

template <class T>
ops::Kernel softmax_to(const Softmax& form, int threads) {
  std::int64_t rows = 1;
  for (const auto extent : form.outer) {
    rows *= extent;
  }
  return [form, rows, threads, row = best_row<T>()](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    const auto* mask = form.mask ? static_cast<const float*>(src[1]) : nullptr;
    auto* out = static_cast<T*>(dst[0]);
    const auto grain = std::max<std::int64_t>(1, 8192 / form.length);
    parallel(rows, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      [[maybe_unused]] float powers[std::is_same_v<T, float> ? 1 : longest_bf16_row];
      for (auto at = begin; at < end; ++at) {
        const float* added = mask;
        if (mask != nullptr) {
          auto rest = at;
          for (auto i = form.outer.size(); i-- > 0;) {
            added += rest % form.outer[i] * form.mask_strides[i];
            rest /= form.outer[i];
          }
        }
        auto* to = out + at * form.length;
        float* between = nullptr;
        if constexpr (std::is_same_v<T, float>) {
          between = to;
        } else {
          between = powers;
        }
        row(x + at * form.length, added, between, to, form.length, form.scale);
      }
    });
  };
}

}  // namespace

ops::Kernel softmax(const Softmax& form, int threads) {
  return form.bf16 ? softmax_to<std::uint16_t>(form, threads) : softmax_to<float>(form, threads);
}

}  // namespace coinfer::kernels
