#include "kernels/attention.hpp"

#include <algorithm>
#include <limits>

#include "kernels/amx.hpp"
#include "kernels/isa.hpp"
#include "kernels/parallel.hpp"
#include "kernels/transpose.hpp"

namespace coinfer::kernels {
namespace {

using namespace amx;

/// Rows of queries worked on at a time: two tiles.
constexpr std::int64_t block = 2 * tile;

/// Extents filled up to whole tiles, and where one thread's scratch memory holds what, in bytes.
struct Layout {
  explicit Layout(const Attention& form)
      : depth{up(form.depth, deep)},
        keys{up(form.keys, deep)},
        width{up(form.width, deep)},
        // Rows that lie a power of two apart would share few sets of the first cache.
        scores_row{keys + 16},
        powers_row{keys + 32} {
    const auto place = [&](std::int64_t bytes) {
      const auto at = this->bytes;
      this->bytes += up(bytes, 64);
      return at;
    };
    k = place(depth * keys * 2);
    v = place(keys * width * 2);
    q = place(block * depth * 2);
    scores = place(block * scores_row * 4);
    powers = place(block * powers_row * 2);
    sums = place(block * width * 4);
  }
  std::int64_t depth, keys, width, scores_row, powers_row;
  std::int64_t bytes = 0;
  std::int64_t k, v, q, scores, powers, sums;
};

/// A right-hand operand of `rows` x `columns` as tiles, those of the same columns one after
/// another; what is missing to whole tiles is 0.
COINFER_AMX void pack(const Half* from, const Attention::Matrix& strides, std::int64_t rows,
                      std::int64_t columns, char* to) {
  for (std::int64_t n = 0; n < up(columns, deep); n += tile) {
    for (std::int64_t k = 0; k < up(rows, deep); k += deep, to += tile_bytes) {
      const auto* at = from + k * strides.row + n * strides.column;
      if (strides.row == 1) {
        __m512i words[tile];
        COINFER_UNROLL
        for (std::int64_t i = 0; i < tile; ++i) {
          words[i] = _mm512_maskz_loadu_epi16(n + i < columns ? first(rows - k) : 0,
                                              at + i * strides.column);
        }
        transpose(words);
        COINFER_UNROLL
        for (std::int64_t i = 0; i < tile; ++i) {
          _mm512_storeu_si512(to + i * 64, words[i]);
        }
        continue;
      }
      const auto some = static_cast<__mmask16>(first(columns - n));
      for (std::int64_t i = 0; i < tile; ++i) {
        const auto row = k + 2 * i;
        const auto upper =
            _mm256_maskz_loadu_epi16(row < rows ? some : 0, at + 2 * i * strides.row);
        const auto lower =
            _mm256_maskz_loadu_epi16(row + 1 < rows ? some : 0, at + (2 * i + 1) * strides.row);
        const auto pairs = _mm512_or_si512(_mm512_cvtepu16_epi32(upper),
                                           _mm512_slli_epi32(_mm512_cvtepu16_epi32(lower), 16));
        _mm512_storeu_si512(to + i * 64, pairs);
      }
    }
  }
}

/// The first `count` of `block` rows, filled up with zeros.
COINFER_AMX void copy_rows(const Half* from, std::int64_t stride, std::int64_t count,
                           std::int64_t columns, Half* to, std::int64_t to_stride) {
  for (std::int64_t i = 0; i < block; ++i) {
    for (std::int64_t j = 0; j < to_stride; j += deep) {
      _mm512_storeu_si512(
          to + i * to_stride + j,
          _mm512_maskz_loadu_epi16(i < count ? first(columns - j) : 0, from + i * stride + j));
    }
  }
}

/// c = a b for two tiles of rows, the second left out where `rows` needs one only. `depth` and
/// `columns` are whole tiles; strides in bytes.
COINFER_AMX void multiply(const void* a, std::int64_t a_stride, const char* b, void* c,
                          std::int64_t c_stride, std::int64_t rows, std::int64_t depth,
                          std::int64_t columns) {
  const auto* left = static_cast<const char*>(a);
  auto* result = static_cast<char*>(c);
  const auto steps = depth / deep;
  const bool both = rows > tile;
  for (std::int64_t n = 0; n < columns; n += 2 * tile) {
    const auto* right = b + n / tile * steps * tile_bytes;
    const auto* other = right + steps * tile_bytes;
    auto* to = result + n * 4;
    _tile_zero(0);
    _tile_zero(1);
    if (both) {
      _tile_zero(2);
      _tile_zero(3);
      for (std::int64_t k = 0; k < steps; ++k) {
        _tile_loadd(4, left + k * 64, a_stride);
        _tile_loadd(6, right + k * tile_bytes, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, other + k * tile_bytes, 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, left + tile * a_stride + k * 64, a_stride);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      _tile_stored(2, to + tile * c_stride, c_stride);
      _tile_stored(3, to + tile * c_stride + 64, c_stride);
    } else {
      for (std::int64_t k = 0; k < steps; ++k) {
        _tile_loadd(4, left + k * 64, a_stride);
        _tile_loadd(6, right + k * tile_bytes, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, other + k * tile_bytes, 64);
        _tile_dpbf16ps(1, 4, 7);
      }
    }
    _tile_stored(0, to, c_stride);
    _tile_stored(1, to + 64, c_stride);
  }
}

/// exp(x) within 2^-14, enough for bf16; what is no number stays none. Not less than 2^-126:
/// numbers below that take the processor many times as long.
COINFER_AMX COINFER_INLINE __m512 exp_for_bf16(__m512 x) {
  // As a power of 2. The greater of the two is its second operand where one is no number.
  x = _mm512_max_ps(_mm512_set1_ps(-126.0F), _mm512_mul_ps(x, _mm512_set1_ps(1.44269504F)));
  const auto whole = _mm512_roundscale_ps(x, 0);
  const auto rest = _mm512_sub_ps(x, whole);
  auto p = _mm512_set1_ps(9.6181291e-3F);
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(5.5504109e-2F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(2.4022651e-1F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(6.9314718e-1F));
  p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, whole);
}

/// Rows whose steps are interleaved: one alone waits for its own results.
constexpr std::int64_t together = 2;

/// Rows of scores in scratch memory, and of powers, one behind another.
struct Rows {
  float* scores;
  std::int64_t scores_row;
  Half* powers;
  std::int64_t powers_row;
  const float* mask[together];  // null without a mask
  std::int64_t keys;
  std::int64_t padded;
};

template <bool masked>
COINFER_AMX COINFER_INLINE __m512 score_at(const Rows& rows, std::int64_t row, std::int64_t i,
                                           __m512 factor, __mmask16 some) {
  const auto nothing = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  auto x = _mm512_loadu_ps(rows.scores + row * rows.scores_row + i);
  x = _mm512_mask_mul_ps(nothing, some, x, factor);
  if constexpr (masked) {
    x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(some, rows.mask[row] + i));
    _mm512_storeu_ps(rows.scores + row * rows.scores_row + i, x);
  }
  return x;
}

/// Scores become powers of their distance from the row's greatest; what lies behind `keys` becomes
/// next to 0. `factors`: one over the sum of each row.
template <bool masked>
COINFER_AMX void powers_of(const Rows& rows, float scale, float* factors) {
  const auto factor = _mm512_set1_ps(scale);
  constexpr __mmask16 all = 0xffff;
  const auto whole = rows.keys / tile * tile;
  __m512 top[together];
  COINFER_UNROLL
  for (auto& one : top) {
    one = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  }
  for (std::int64_t i = 0; i < whole; i += tile) {
    COINFER_UNROLL
    for (std::int64_t row = 0; row < together; ++row) {
      top[row] = _mm512_max_ps(top[row], score_at<masked>(rows, row, i, factor, all));
    }
  }
  const auto rest = static_cast<__mmask16>(first(rows.keys - whole));
  if (rest != 0) {
    COINFER_UNROLL
    for (std::int64_t row = 0; row < together; ++row) {
      top[row] = _mm512_max_ps(top[row], score_at<masked>(rows, row, whole, factor, rest));
    }
  }
  __m512 sums[together];
  COINFER_UNROLL
  for (std::int64_t row = 0; row < together; ++row) {
    top[row] = _mm512_set1_ps(_mm512_reduce_max_ps(top[row]));
    sums[row] = _mm512_setzero_ps();
  }
  const auto nothing = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < rows.padded; i += tile) {
    const auto some = i < whole ? all : static_cast<__mmask16>(first(rows.keys - i));
    COINFER_UNROLL
    for (std::int64_t row = 0; row < together; ++row) {
      auto x = _mm512_mask_loadu_ps(nothing, some, rows.scores + row * rows.scores_row + i);
      x = masked ? _mm512_sub_ps(x, top[row]) : _mm512_fmsub_ps(x, factor, top[row]);
      const auto power = exp_for_bf16(_mm512_mask_blend_ps(some, nothing, x));
      sums[row] = _mm512_add_ps(sums[row], power);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(rows.powers + row * rows.powers_row + i),
                          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(power)));
    }
  }
  COINFER_UNROLL
  for (std::int64_t row = 0; row < together; ++row) {
    factors[row] = 1.0F / _mm512_reduce_add_ps(sums[row]);
  }
}

COINFER_AMX void store_row(const float* sums, float factor, std::int64_t width, void* to,
                           bool f32_result) {
  const auto by = _mm512_set1_ps(factor);
  for (std::int64_t i = 0; i < width; i += tile) {
    const auto some = static_cast<__mmask16>(first(width - i));
    const auto x = _mm512_mul_ps(_mm512_loadu_ps(sums + i), by);
    if (f32_result) {
      _mm512_mask_storeu_ps(static_cast<float*>(to) + i, some, x);
    } else {
      _mm256_mask_storeu_epi16(static_cast<Half*>(to) + i, some,
                               reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
    }
  }
}

/// Blocks of rows [begin, end), counted through all matrices of the batch.
COINFER_AMX void run_blocks(const Attention& form, const Layout& layout, std::int64_t begin,
                            std::int64_t end, const void* const* src, void* result, char* scratch) {
  const TileConfig config;
  _tile_loadconfig(&config);
  const auto blocks = (form.rows + block - 1) / block;
  auto* const k = scratch + layout.k;
  auto* const v = scratch + layout.v;
  auto* const copied = reinterpret_cast<Half*>(scratch + layout.q);
  auto* const scores = reinterpret_cast<float*>(scratch + layout.scores);
  auto* const powers = reinterpret_cast<Half*>(scratch + layout.powers);
  auto* const sums = reinterpret_cast<float*>(scratch + layout.sums);
  std::int64_t packed = -1;
  for (auto at = begin; at < end; ++at) {
    const auto index = at / blocks;
    const auto row = at % blocks * block;
    const auto count = std::min(block, form.rows - row);
    if (index != packed) {
      pack(static_cast<const Half*>(src[1]) + form.k.offset(form.batch, index), form.k, form.depth,
           form.keys, k);
      pack(static_cast<const Half*>(src[2]) + form.v.offset(form.batch, index), form.v, form.keys,
           form.width, v);
      packed = index;
    }
    const auto* q =
        static_cast<const Half*>(src[0]) + form.q.offset(form.batch, index) + row * form.q.row;
    auto q_stride = form.q.row;
    if (count < block || form.depth != layout.depth) {
      copy_rows(q, q_stride, count, form.depth, copied, layout.depth);
      q = copied;
      q_stride = layout.depth;
    }
    multiply(q, q_stride * 2, k, scores, layout.scores_row * 4, count, layout.depth, layout.keys);
    const float* mask = nullptr;
    if (form.has_mask) {
      mask = static_cast<const float*>(src[3]) + form.mask.offset(form.batch, index) +
             row * form.mask.row;
    }
    float factors[block];
    for (std::int64_t i = 0; i < count; i += together) {
      Rows rows{scores + i * layout.scores_row,
                layout.scores_row,
                powers + i * layout.powers_row,
                layout.powers_row,
                {},
                form.keys,
                layout.keys};
      if (mask != nullptr) {
        rows.mask[0] = mask + i * form.mask.row;
        rows.mask[1] = i + 1 < count ? rows.mask[0] + form.mask.row : rows.mask[0];
        powers_of<true>(rows, form.scale, factors + i);
      } else {
        powers_of<false>(rows, form.scale, factors + i);
      }
    }
    // Rows behind the last are those of an earlier block: their sums are not stored.
    multiply(powers, layout.powers_row * 2, v, sums, layout.width * 4, count, layout.keys,
             layout.width);
    const auto to = form.result.offset(form.batch, index) + row * form.result.row;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto bytes = (to + i * form.result.row) * (form.f32_result ? 4 : 2);
      store_row(sums + i * layout.width, factors[i], form.width, static_cast<char*>(result) + bytes,
                form.f32_result);
    }
  }
  _tile_release();
}

}  // namespace

std::int64_t Attention::Matrix::offset(const Dims& extents, std::int64_t index) const {
  std::int64_t offset = 0;
  for (auto i = extents.size(); i-- > 0;) {
    offset += index % extents[i] * batch[i];
    index /= extents[i];
  }
  return offset;
}

std::int64_t attention_scratch_bytes(const Attention& form, int threads) {
  return Layout{form}.bytes * std::max(1, threads);
}

ops::Kernel attention(const Attention& form, int threads) {
  std::int64_t matrices = 1;
  for (const auto extent : form.batch) {
    matrices *= extent;
  }
  const auto blocks = matrices * ((form.rows + block - 1) / block);
  const auto parts = std::clamp<std::int64_t>(threads, 1, blocks);
  return [form, layout = Layout{form}, blocks, parts](const void* const* src, void* const* dst) {
    parallel(parts, 1, static_cast<int>(parts), [&](std::int64_t first, std::int64_t last) {
      for (auto part = first; part < last; ++part) {
        run_blocks(form, layout, blocks * part / parts, blocks * (part + 1) / parts, src, dst[0],
                   static_cast<char*>(dst[1]) + part * layout.bytes);
      }
    });
  };
}

}  // namespace coinfer::kernels
