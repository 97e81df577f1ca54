#include <immintrin.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "kernels/attention.hpp"
#include "kernels/panel_product.hpp"
#include "kernels/transpose.hpp"

namespace coinfer::kernels {
namespace {

/// Rows of queries whose scores and sums are kept in registers while they grow.
constexpr std::int64_t most_rows = 6;
/// Rows of queries between two looks at who works on what.
constexpr std::int64_t block = 8 * most_rows;
/// Multiplications below which a thread more takes longer than it saves.
constexpr std::int64_t least_work = 64 * 1024;

constexpr std::int64_t panels_of(std::int64_t columns) { return (columns + panel - 1) / panel; }

/// Where one thread's scratch memory holds what, in floats.
struct Layout {
  explicit Layout(const Attention& form)
      // Rows that lie a power of two apart would share few sets of the first cache.
      : scores_row{panels_of(form.keys) * panel + lanes}, sums_row{panels_of(form.width) * panel} {
    const auto place = [&](std::int64_t numbers) {
      const auto at = floats;
      floats += (numbers + lanes - 1) / lanes * lanes;
      return at;
    };
    k = place(form.depth * panels_of(form.keys) * panel);
    v = place(form.keys * sums_row);
    scores = place(most_rows * scores_row);
    sums = place(most_rows * sums_row);
  }
  std::int64_t scores_row, sums_row;
  std::int64_t floats = 0;
  std::int64_t k, v, scores, sums;
};

COINFER_AVX512 inline __mmask16 first(std::int64_t count) {
  return static_cast<__mmask16>(count >= lanes ? 0xffff : count <= 0 ? 0 : (1 << count) - 1);
}

/// A right-hand operand of `rows` x `columns` as panels: [rows][panel] each, the columns that the
/// last one lacks being 0.
COINFER_AVX512 void pack(const float* from, const Attention::Matrix& strides, std::int64_t rows,
                         std::int64_t columns, float* to) {
  for (std::int64_t n = 0; n < columns; n += panel, to += rows * panel) {
    const auto end = std::min(panel, (columns - n + lanes - 1) / lanes * lanes);
    if (strides.column == 1) {
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < end; j += lanes) {
          _mm512_store_ps(
              to + i * panel + j,
              _mm512_maskz_loadu_ps(first(columns - n - j), from + i * strides.row + n + j));
        }
      }
      continue;
    }
    for (std::int64_t i = 0; i < rows; i += lanes) {
      const auto some = first(rows - i);
      for (std::int64_t j = 0; j < end; j += lanes) {
        const auto* at = from + (n + j) * strides.column + i;
        __m512i words[lanes];
        COINFER_UNROLL
        for (std::int64_t c = 0; c < lanes; ++c) {
          words[c] =
              _mm512_maskz_loadu_epi32(n + j + c < columns ? some : 0, at + c * strides.column);
        }
        transpose(words);
        const auto count = std::min(lanes, rows - i);
        for (std::int64_t r = 0; r < count; ++r) {
          _mm512_store_si512(to + (i + r) * panel + j, words[r]);
        }
      }
    }
  }
}

/// R rows of c = a b, b being packed; c's rows are whole panels as far as registers are.
template <int R>
COINFER_INLINE void multiply(const float* a, std::int64_t a_row, const float* b, float* c,
                             std::int64_t c_row, std::int64_t depth, std::int64_t columns) {
  for (std::int64_t n = 0; n < columns; n += panel, b += depth * panel) {
    const auto source = [&](int r) { return a + r * a_row; };
    const auto place = [&](int r) { return c + r * c_row + n; };
    switch ((std::min(panel, columns - n) + lanes - 1) / lanes) {
      case 4:
        multiply_rows<R, 4, 0, true>(source, place, b, depth);
        break;
      case 3:
        multiply_rows<R, 3, 0, true>(source, place, b, depth);
        break;
      case 2:
        multiply_rows<R, 2, 0, true>(source, place, b, depth);
        break;
      default:
        multiply_rows<R, 1, 0, true>(source, place, b, depth);
    }
  }
}

/// 2^x within 1 ulp; nothing below 2^-126. What is no number stays none.
COINFER_AVX512 COINFER_INLINE __m512 power_of_two(__m512 x) {
  const auto whole = _mm512_roundscale_ps(x, 0);
  const auto rest = _mm512_sub_ps(x, whole);
  auto p = _mm512_set1_ps(1.535336189e-4F);
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1.339887442e-3F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(9.618437358e-3F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(5.550332471e-2F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(2.402264791e-1F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(6.931472029e-1F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1.0F));
  const auto counts = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.0F), _CMP_NLT_UQ);
  return _mm512_maskz_scalef_ps(counts, p, whole);
}

/// R rows of scores become powers of their distance from the row's greatest; `factors`: one over
/// the sum of each row. `mask`: of each row, null where there is none.
template <int R>
COINFER_AVX512 COINFER_INLINE void soften(float* scores, std::int64_t row, std::int64_t keys,
                                          float scale, const float* const* mask, float* factors) {
  const auto nothing = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  const auto factor = _mm512_set1_ps(scale);
  __m512 top[R];
  COINFER_UNROLL
  for (int r = 0; r < R; ++r) {
    top[r] = nothing;
  }
  for (std::int64_t i = 0; i < keys; i += lanes) {
    const auto some = first(keys - i);
    COINFER_UNROLL
    for (int r = 0; r < R; ++r) {
      auto* const at = scores + r * row + i;
      auto x = _mm512_mask_mul_ps(nothing, some, _mm512_load_ps(at), factor);
      if (mask != nullptr) {
        x = _mm512_mask_add_ps(nothing, some, x, _mm512_maskz_loadu_ps(some, mask[r] + i));
      }
      _mm512_store_ps(at, x);
      // The greater of the two is its second operand where one is no number.
      top[r] = _mm512_max_ps(x, top[r]);
    }
  }
  __m512 sums[R];
  COINFER_UNROLL
  for (int r = 0; r < R; ++r) {
    top[r] = _mm512_set1_ps(_mm512_reduce_max_ps(top[r]));
    sums[r] = _mm512_setzero_ps();
  }
  const auto log2_e = _mm512_set1_ps(1.44269504F);
  for (std::int64_t i = 0; i < keys; i += lanes) {
    const auto some = first(keys - i);
    COINFER_UNROLL
    for (int r = 0; r < R; ++r) {
      auto* const at = scores + r * row + i;
      const auto distance = _mm512_sub_ps(_mm512_load_ps(at), top[r]);
      const auto power = _mm512_maskz_mov_ps(some, power_of_two(_mm512_mul_ps(distance, log2_e)));
      sums[r] = _mm512_add_ps(sums[r], power);
      _mm512_store_ps(at, power);
    }
  }
  COINFER_UNROLL
  for (int r = 0; r < R; ++r) {
    factors[r] = 1.0F / _mm512_reduce_add_ps(sums[r]);
  }
}

/// What one group of rows is computed from and where to.
struct Group {
  const float* q;
  const float* mask[most_rows];
  const float* k;
  const float* v;
  float* scores;
  float* sums;
  float* result;
};

template <int R>
COINFER_AVX512 void rows_of(const Attention& form, const Layout& layout, const Group& group) {
  float factors[R];
  multiply<R>(group.q, form.q.row, group.k, group.scores, layout.scores_row, form.depth, form.keys);
  soften<R>(group.scores, layout.scores_row, form.keys, form.scale,
            form.has_mask ? group.mask : nullptr, factors);
  multiply<R>(group.scores, layout.scores_row, group.v, group.sums, layout.sums_row, form.keys,
              form.width);
  for (int r = 0; r < R; ++r) {
    const auto factor = _mm512_set1_ps(factors[r]);
    for (std::int64_t i = 0; i < form.width; i += lanes) {
      _mm512_mask_storeu_ps(
          group.result + r * form.result.row + i, first(form.width - i),
          _mm512_mul_ps(_mm512_load_ps(group.sums + r * layout.sums_row + i), factor));
    }
  }
}

std::int64_t blocks_of(const Attention& form) { return (form.rows + block - 1) / block; }

std::int64_t matrices_of(const Attention& form) {
  return std::accumulate(form.batch.begin(), form.batch.end(), std::int64_t{1}, std::multiplies{});
}

/// Blocks of rows [begin, end), counted through all matrices of the batch.
void run_blocks(const Attention& form, const Layout& layout, std::int64_t begin, std::int64_t end,
                const void* const* src, float* result, float* scratch) {
  const auto blocks = blocks_of(form);
  std::int64_t packed = -1;
  for (auto at = begin; at < end; ++at) {
    const auto index = at / blocks;
    if (index != packed) {
      pack(static_cast<const float*>(src[1]) + form.k.offset(form.batch, index), form.k, form.depth,
           form.keys, scratch + layout.k);
      pack(static_cast<const float*>(src[2]) + form.v.offset(form.batch, index), form.v, form.keys,
           form.width, scratch + layout.v);
      packed = index;
    }
    const auto* q = static_cast<const float*>(src[0]) + form.q.offset(form.batch, index);
    const auto* mask = form.has_mask
                           ? static_cast<const float*>(src[3]) + form.mask.offset(form.batch, index)
                           : nullptr;
    auto* const to = result + form.result.offset(form.batch, index);
    const auto start = at % blocks * block;
    const auto rows = std::min(block, form.rows - start);
    const auto groups = (rows + most_rows - 1) / most_rows;
    for (std::int64_t g = 0; g < groups; ++g) {
      const auto row = start + rows * g / groups;
      Group group{q + row * form.q.row,      {},
                  scratch + layout.k,        scratch + layout.v,
                  scratch + layout.scores,   scratch + layout.sums,
                  to + row * form.result.row};
      const auto count = start + rows * (g + 1) / groups - row;
      for (std::int64_t r = 0; mask != nullptr && r < count; ++r) {
        group.mask[r] = mask + (row + r) * form.mask.row;
      }
      switch (count) {
        case 6:
          rows_of<6>(form, layout, group);
          break;
        case 5:
          rows_of<5>(form, layout, group);
          break;
        case 4:
          rows_of<4>(form, layout, group);
          break;
        case 3:
          rows_of<3>(form, layout, group);
          break;
        case 2:
          rows_of<2>(form, layout, group);
          break;
        default:
          rows_of<1>(form, layout, group);
      }
    }
  }
}

}  // namespace

std::int64_t attention_f32_scratch_bytes(const Attention& form, int threads) {
  return Layout{form}.floats * static_cast<std::int64_t>(sizeof(float)) * std::max(1, threads);
}

ops::Parts attention_f32(const Attention& form, int threads) {
  const auto matrices = matrices_of(form);
  const auto blocks = matrices * blocks_of(form);
  const auto work = matrices * form.rows * form.keys * (form.depth + form.width);
  const auto parts =
      std::clamp<std::int64_t>(std::min<std::int64_t>(threads, work / least_work), 1, blocks);
  return {parts, [form, layout = Layout{form}, blocks, parts](const void* const* src,
                                                              void* const* dst, std::int64_t part) {
            run_blocks(form, layout, blocks * part / parts, blocks * (part + 1) / parts, src,
                       static_cast<float*>(dst[0]),
                       static_cast<float*>(dst[1]) + part * layout.floats);
          }};
}

std::vector<std::pair<std::int64_t, std::int64_t>> attention_f32_matrices(const Attention& form,
                                                                          std::int64_t parts) {
  const auto blocks_of_one = blocks_of(form);
  const auto blocks = matrices_of(form) * blocks_of_one;
  std::vector<std::pair<std::int64_t, std::int64_t>> matrices;
  for (std::int64_t part = 0; part < parts; ++part) {
    const auto end = blocks * (part + 1) / parts;
    matrices.emplace_back(blocks * part / parts / blocks_of_one,
                          (end + blocks_of_one - 1) / blocks_of_one);
  }
  return matrices;
}

}  // namespace coinfer::kernels
