#pragma once

#include <immintrin.h>

#include <cstdint>

/// What the kernels for AMX share: tiles of 16 rows of 64 bytes, numbered by intrinsics.
#define COINFER_AMX \
  __attribute__((   \
      target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,amx-tile,amx-bf16")))

namespace coinfer::kernels::amx {

/// A tile holds 16 rows of 16 f32, or of 32 bf16; one of a right-hand operand holds 16 pairs of
/// rows of 16 columns, the numbers of a pair side by side.
constexpr std::int64_t tile = 16;
constexpr std::int64_t deep = 32;
constexpr std::int64_t tile_bytes = 1024;

using Half = std::uint16_t;

constexpr std::int64_t up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// For `_tile_loadconfig`: eight whole tiles.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

/// A mask of the first `count` of up to 32 lanes.
inline std::uint32_t first(std::int64_t count) {
  return count >= 32 ? ~0U : count <= 0 ? 0U : (1U << count) - 1;
}

}  // namespace coinfer::kernels::amx
