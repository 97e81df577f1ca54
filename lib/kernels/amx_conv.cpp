#include "kernels/amx_conv.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/amx.hpp"
#include "kernels/isa.hpp"
#include "kernels/parallel.hpp"

namespace coinfer::kernels {
namespace {

using namespace amx;

constexpr std::int64_t step_bytes = 2 * tile_bytes;  // of a panel's weights for 32 inputs
constexpr std::int64_t step_lines = step_bytes / 64;
/// Of a panel and the next one, so that both have room in a second cache.
constexpr std::int64_t most_bytes_that_stay = 512 * 1024;
/// How far ahead larger panels are fetched.
constexpr std::int64_t soon = 8 * step_bytes;

/// A form with what follows from it.
struct Work {
  Work(const PanelConv::Form& form_, bool f32_result_, bool f32_sum_)
      : form{form_},
        f32_result{f32_result_},
        f32_sum{f32_sum_},
        rows{form.batch * form.out_height * form.out_width},
        taps{form.kernel_height * form.kernel_width},
        terms{taps * form.in},
        steps{form.in / deep},
        panels{(form.out + AmxConv::panel - 1) / AmxConv::panel},
        blocks{(rows + 2 * tile - 1) / (2 * tile)},
        // Pixels as they lie are rows already, but for those that fill no tile.
        direct{taps == 1 && form.stride_y == 1 && form.stride_x == 1 && form.pad_top == 0 &&
               form.pad_left == 0 && form.out_height == form.height &&
               form.out_width == form.width},
        copied{direct ? rows / tile * tile : 0},
        // Rows that lie a power of two apart would share few sets of the first cache.
        stride{terms + deep} {}

  PanelConv::Form form;
  bool f32_result, f32_sum;
  std::int64_t rows, taps, terms, steps, panels, blocks;
  bool direct;
  std::int64_t copied;  ///< the first row that is copied
  std::int64_t stride;  ///< of copied rows, in numbers

  std::int64_t copy_bytes() const { return up((up(rows, 2 * tile) - copied) * stride * 2, 64); }
  static constexpr std::int64_t sums_bytes = 2 * tile * AmxConv::panel * 4;
};

/// A row's source numbers, tap by tap; 0 where the window sees padding.
void gather(const Work& work, const Half* src, std::int64_t row, Half* to) {
  const auto& form = work.form;
  const auto bytes = static_cast<std::size_t>(form.in) * sizeof(Half);
  const auto x = row % form.out_width;
  const auto y = row / form.out_width % form.out_height;
  const auto* image =
      src + row / form.out_width / form.out_height * form.height * form.width * form.in;
  for (std::int64_t i = 0; i < form.kernel_height; ++i) {
    const auto from_y = y * form.stride_y - form.pad_top + i * form.dilation_y;
    for (std::int64_t j = 0; j < form.kernel_width; ++j, to += form.in) {
      const auto from_x = x * form.stride_x - form.pad_left + j * form.dilation_x;
      if (from_y < 0 || from_y >= form.height || from_x < 0 || from_x >= form.width) {
        std::memset(to, 0, bytes);
      } else {
        std::memcpy(to, image + (from_y * form.width + from_x) * form.in, bytes);
      }
    }
  }
}

/// Where rows of a tile lie, and how far apart, in bytes.
struct TileRows {
  const char* at;
  std::int64_t stride;
};

/// Rows of 32 columns: two tiles of rows, or one. Fetches `lines` of each step's weights that lie
/// `next` bytes on.
template <bool both>
COINFER_AMX void multiply(const Work& work, const TileRows* rows, const char* weights,
                          std::int64_t next, std::int64_t first_line, std::int64_t lines,
                          float* sums) {
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (both) {
    _tile_zero(2);
    _tile_zero(3);
  }
  const auto* upper = rows[0].at;
  const auto* lower = rows[1].at;
  for (std::int64_t tap = 0; tap < work.taps; ++tap) {
    const auto* at = weights + tap * work.panels * work.steps * step_bytes;
    for (std::int64_t step = 0; step < work.steps; ++step, at += step_bytes, upper += 64) {
      _tile_loadd(4, upper, rows[0].stride);
      _tile_loadd(6, at, 128);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, at + 64, 128);
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (both) {
        _tile_loadd(5, lower, rows[1].stride);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        lower += 64;
      }
      for (std::int64_t line = first_line; line < first_line + lines; ++line) {
        _mm_prefetch(at + next + line * 64, _MM_HINT_T1);
      }
    }
  }
  _tile_stored(0, sums, AmxConv::panel * 4);
  _tile_stored(1, sums + tile, AmxConv::panel * 4);
  if constexpr (both) {
    _tile_stored(2, sums + tile * AmxConv::panel, AmxConv::panel * 4);
    _tile_stored(3, sums + tile * AmxConv::panel + tile, AmxConv::panel * 4);
  }
}

struct Pointers {
  const Half* src;
  const char* weights;
  const float* bias;
  const void* sum;
  void* dst;
  const Half* copies;
};

/// Adds bias and residual, and writes a row's columns from `column` on.
COINFER_AMX void store_row(const Work& work, const Pointers& memory, const float* sums,
                           std::int64_t row, std::int64_t column) {
  for (std::int64_t j = 0; j < AmxConv::panel; j += tile) {
    const auto some = static_cast<__mmask16>(first(std::min(work.form.out - column - j, tile)));
    const auto at = row * work.form.out + column + j;
    auto x = _mm512_loadu_ps(sums + j);
    if (memory.bias != nullptr) {
      x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(some, memory.bias + column + j));
    }
    if (memory.sum != nullptr) {
      if (work.f32_sum) {
        x = _mm512_add_ps(x,
                          _mm512_maskz_loadu_ps(some, static_cast<const float*>(memory.sum) + at));
      } else {
        const auto halves =
            _mm256_maskz_loadu_epi16(some, static_cast<const Half*>(memory.sum) + at);
        x = _mm512_add_ps(
            x, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16)));
      }
    }
    if (work.form.relu) {
      x = _mm512_max_ps(_mm512_setzero_ps(), x);  // what is no number stays none
    }
    if (work.f32_result) {
      _mm512_mask_storeu_ps(static_cast<float*>(memory.dst) + at, some, x);
    } else {
      _mm256_mask_storeu_epi16(static_cast<Half*>(memory.dst) + at, some,
                               reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
    }
  }
}

COINFER_AMX void run_panels(const Work& work, const Pointers& memory, std::int64_t begin,
                            std::int64_t end, float* sums) {
  const TileConfig config;
  _tile_loadconfig(&config);
  const auto panel_bytes = work.steps * step_bytes;
  // A panel that stays in the second cache is fetched while the one before it is multiplied.
  const bool stays = work.taps * panel_bytes <= most_bytes_that_stay;
  const auto next = stays ? panel_bytes : soon;
  for (auto panel = begin; panel < end; ++panel) {
    for (std::int64_t block = 0; block < work.blocks; ++block) {
      const auto row = block * 2 * tile;
      TileRows rows[2];
      for (std::int64_t i = 0; i < 2; ++i) {
        const auto at = row + i * tile;
        rows[i] = at < work.copied
                      ? TileRows{reinterpret_cast<const char*>(memory.src + at * work.form.in),
                                 work.form.in * 2}
                      : TileRows{reinterpret_cast<const char*>(memory.copies +
                                                               (at - work.copied) * work.stride),
                                 work.stride * 2};
      }
      // Behind the last panel there is nothing to fetch.
      const auto first_line = step_lines * block / work.blocks;
      const auto lines = panel + 1 < end ? step_lines * (block + 1) / work.blocks - first_line : 0;
      const auto count = std::min(2 * tile, work.rows - row);
      const auto* weights = memory.weights + panel * panel_bytes;
      if (count > tile) {
        multiply<true>(work, rows, weights, next, first_line, lines, sums);
      } else {
        multiply<false>(work, rows, weights, next, first_line, lines, sums);
      }
      for (std::int64_t i = 0; i < count; ++i) {
        store_row(work, memory, sums + i * AmxConv::panel, row + i, panel * AmxConv::panel);
      }
    }
  }
  _tile_release();
}

}  // namespace

std::int64_t AmxConv::scratch_bytes(int threads) const {
  const Work work{form_, f32_result_, f32_sum_};
  return work.copy_bytes() + std::max(1, threads) * Work::sums_bytes;
}

ops::Kernel AmxConv::kernel(int threads) const {
  return [work = Work{form_, f32_result_, f32_sum_}, threads](const void* const* src,
                                                              void* const* dst) {
    auto* const scratch = static_cast<char*>(dst[1]);
    auto* const copies = reinterpret_cast<Half*>(scratch);
    Pointers memory{static_cast<const Half*>(src[0]),
                    static_cast<const char*>(src[1]),
                    work.form.bias ? static_cast<const float*>(src[2]) : nullptr,
                    work.form.sum ? src[work.form.bias ? 3 : 2] : nullptr,
                    dst[0],
                    copies};
    constexpr std::int64_t copied_at_once = 16 * 1024;
    parallel(work.rows - work.copied, std::max<std::int64_t>(1, copied_at_once / work.terms),
             threads, [&](std::int64_t begin, std::int64_t end) {
               for (auto i = begin; i < end; ++i) {
                 gather(work, memory.src, work.copied + i, copies + i * work.stride);
               }
             });
    const auto parts = std::clamp<std::int64_t>(threads, 1, work.panels);
    parallel(parts, 1, static_cast<int>(parts), [&](std::int64_t begin, std::int64_t end) {
      for (auto part = begin; part < end; ++part) {
        run_panels(work, memory, work.panels * part / parts, work.panels * (part + 1) / parts,
                   reinterpret_cast<float*>(scratch + work.copy_bytes() + part * Work::sums_bytes));
      }
    });
  };
}

}  // namespace coinfer::kernels
