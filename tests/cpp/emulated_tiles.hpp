#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "halves.hpp"

/// AMX's instructions as plain loops, but for the order in which sums are rounded: kernels that are
/// compiled with this header run on machines without AMX. A tile register that is not configured,
/// or used beyond its configuration, ends the program.
namespace coinfer::emulated {

struct Tiles {
  struct Tile {
    unsigned rows = 0;
    unsigned bytes = 0;  // of a row
    alignas(64) std::uint8_t data[16][64] = {};
  };
  Tile tiles[8];

  static void check(bool holds) {
    if (!holds) {
      __builtin_trap();
    }
  }
  Tile& at(int index) {
    check(index >= 0 && index < 8 && tiles[index].rows != 0);
    return tiles[index];
  }
};

inline Tiles& tiles() {
  thread_local Tiles of_thread;
  return of_thread;
}

inline void load_config(const void* memory) {
  const auto* const config = static_cast<const std::uint8_t*>(memory);
  Tiles::check(config[0] == 1 && config[1] == 0);
  for (int i = 0; i < 8; ++i) {
    std::uint16_t bytes = 0;
    std::memcpy(&bytes, config + 16 + 2 * i, sizeof(bytes));
    Tiles::check(bytes <= 64 && config[48 + i] <= 16);
    auto& tile = tiles().tiles[i];
    tile = {};
    tile.rows = config[48 + i];
    tile.bytes = bytes;
  }
}

inline void release() { tiles() = {}; }

inline void zero(int index) {
  auto& tile = tiles().at(index);
  std::memset(tile.data, 0, sizeof(tile.data));
}

inline void load(int index, const void* base, std::int64_t stride) {
  auto& tile = tiles().at(index);
  std::memset(tile.data, 0, sizeof(tile.data));
  for (unsigned row = 0; row < tile.rows; ++row) {
    std::memcpy(tile.data[row], static_cast<const std::uint8_t*>(base) + row * stride, tile.bytes);
  }
}

inline void store(int index, void* base, std::int64_t stride) {
  const auto& tile = tiles().at(index);
  for (unsigned row = 0; row < tile.rows; ++row) {
    std::memcpy(static_cast<std::uint8_t*>(base) + row * stride, tile.data[row], tile.bytes);
  }
}

/// Sums of pairs of products; numbers too small for a normal f32 count as 0.
inline void multiply(int sums, int left, int right) {
  auto& c = tiles().at(sums);
  const auto& a = tiles().at(left);
  const auto& b = tiles().at(right);
  Tiles::check(a.rows == c.rows && b.bytes == c.bytes && a.bytes == 4 * b.rows);
  const auto half = [](const std::uint8_t* at) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, at, sizeof(bits));
    return (bits & 0x7f80U) == 0 ? 0.0F : reference::widened(bits);
  };
  for (unsigned row = 0; row < c.rows; ++row) {
    for (unsigned pair = 0; pair < b.rows; ++pair) {
      for (unsigned column = 0; column < c.bytes / 4; ++column) {
        float sum = 0;
        std::memcpy(&sum, c.data[row] + 4 * column, sizeof(sum));
        for (unsigned i = 0; i < 2; ++i) {
          sum += half(a.data[row] + 4 * pair + 2 * i) * half(b.data[pair] + 4 * column + 2 * i);
        }
        std::memcpy(c.data[row] + 4 * column, &sum, sizeof(sum));
      }
    }
  }
}

}  // namespace coinfer::emulated

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig ::coinfer::emulated::load_config
#define _tile_release ::coinfer::emulated::release
#define _tile_zero ::coinfer::emulated::zero
#define _tile_loadd ::coinfer::emulated::load
#define _tile_stored(tile, base, stride) ::coinfer::emulated::store(tile, base, stride)
#define _tile_dpbf16ps ::coinfer::emulated::multiply
