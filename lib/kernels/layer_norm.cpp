#include "kernels/layer_norm.hpp"

#include <cmath>

#include "kernels/parallel.hpp"
#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

/// Sums of their own, since an addition waits for the one before it.
constexpr int chains = 4;

struct Itself {
  COINFER_INLINE void operator()(Floats& sum, const Floats& v) const { sum += v; }
};
struct SquaredDistance {
  float from;
  COINFER_INLINE void operator()(Floats& sum, const Floats& v) const {
    const Floats distance = v - from;
    sum += distance * distance;
  }
};

/// The mean over a row of what `add` adds to a sum for each number.
template <class Add>
COINFER_INLINE float mean_over(const float* x, std::int64_t length, const Add& add) {
  Floats sums[chains] = {};
  std::int64_t i = 0;
  for (; i + chains * lanes <= length; i += chains * lanes) {
    COINFER_UNROLL
    for (int chain = 0; chain < chains; ++chain) {
      Floats v;
      load(v, x + i + chain * lanes);
      add(sums[chain], v);
    }
  }
  for (; i + lanes <= length; i += lanes) {
    Floats v;
    load(v, x + i);
    add(sums[0], v);
  }
  if (i < length) {
    Floats v;
    load_some(v, x + i, length - i);
    Floats last = {};
    add(last, v);
    float kept[lanes];
    store(kept, last);
    load_some(last, kept, length - i);
    sums[1] += last;
  }
  sums[0] += sums[1];
  sums[2] += sums[3];
  sums[0] += sums[2];
  return sum_of(sums[0]) / static_cast<float>(length);
}

template <class T>
COINFER_INLINE void row_of(const float* x, const float* scale, const float* shift, T* y,
                           const LayerNorm& form) {
  const auto length = form.length;
  const float mean = mean_over(x, length, Itself{});
  const float variance = mean_over(x, length, SquaredDistance{mean});
  const float inverse = 1.0F / std::sqrt(variance + form.epsilon);
  for (std::int64_t i = 0; i < length; i += lanes) {
    const auto count = length - i;
    Floats v;
    Floats factor;
    Floats summand = {};
    load_some(v, x + i, count);
    load_some(factor, scale + i, count);
    if (shift != nullptr) {
      load_some(summand, shift + i, count);
    }
    v = (v - mean) * inverse * factor + summand;
    store_some(y + i, v, count);
  }
}

template <class T>
using Rows = void (*)(const float*, const float*, const float*, T*, const LayerNorm&, std::int64_t);

template <class T>
COINFER_INLINE void rows_of(const float* x, const float* scale, const float* shift, T* y,
                            const LayerNorm& form, std::int64_t count) {
  for (; count > 0; --count, x += form.length, y += form.length) {
    row_of(x, scale, shift, y, form);
  }
}
template <class T>
COINFER_AVX512 void rows_avx512(const float* x, const float* scale, const float* shift, T* y,
                                const LayerNorm& form, std::int64_t count) {
  rows_of(x, scale, shift, y, form, count);
}
template <class T>
COINFER_AVX2 void rows_avx2(const float* x, const float* scale, const float* shift, T* y,
                            const LayerNorm& form, std::int64_t count) {
  rows_of(x, scale, shift, y, form, count);
}
template <class T>
void rows_baseline(const float* x, const float* scale, const float* shift, T* y,
                   const LayerNorm& form, std::int64_t count) {
  rows_of(x, scale, shift, y, form, count);
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
ops::Kernel layer_norm_to(const LayerNorm& form, int threads) {
  // Fewer numbers take no longer than it takes to call another thread.
  const auto grain = std::max<std::int64_t>(1, 8192 / form.length);
  return [form, grain, threads, work = best_rows<T>()](const void* const* src, void* const* dst) {
    const auto* x = static_cast<const float*>(src[0]);
    const auto* scale = static_cast<const float*>(src[1]);
    const auto* shift = form.has_shift ? static_cast<const float*>(src[2]) : nullptr;
    auto* y = static_cast<T*>(dst[0]);
    parallel(form.rows, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      work(x + begin * form.length, scale, shift, y + begin * form.length, form, end - begin);
    });
  };
}

}  // namespace

ops::Kernel layer_norm(const LayerNorm& form, int threads) {
  return form.bf16 ? layer_norm_to<std::uint16_t>(form, threads)
                   : layer_norm_to<float>(form, threads);
}

ops::Parts layer_norm_copies(const LayerNorm& form, int parts, std::int64_t copy) {
  return {parts, [form, copy, work = best_rows<float>()](const void* const* src, void* const* dst,
                                                         std::int64_t part) {
            work(static_cast<const float*>(src[0]), static_cast<const float*>(src[1]),
                 form.has_shift ? static_cast<const float*>(src[2]) : nullptr,
                 static_cast<float*>(dst[0]) + part * copy, form, form.rows);
          }};
}

}  // namespace coinfer::kernels
