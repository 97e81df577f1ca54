#pragma once

#include <cstdint>

#include "kernels/vector_math.hpp"

namespace coinfer::kernels {

/// Columns of a product whose weights lie together: [depth][panel].
constexpr std::int64_t panel = 64;
constexpr int panel_vectors = panel / lanes;

/// Weights that are read once, one panel after another.
struct PanelReads {
  std::int64_t panels = 0;
  std::int64_t panel_floats = 0;
};

/// Sums of R rows and the first V vectors of one panel, kept in registers while they grow by `k`
/// numbers of each row. They begin as what `dst` has, or as nothing if it is `Fresh`. With each
/// number `Ahead` lines are fetched, `step` bytes apart, from `ahead` on. `source(r)` and
/// `place(r)` are where a row is and where its sums are.
template <int R, int V, int Ahead, bool Fresh = false, class Source, class Place>
COINFER_INLINE void multiply_rows(const Source& source, const Place& place, const float* weights,
                                  std::int64_t k, const char* ahead = nullptr,
                                  std::int64_t step = 0) {
  const float* from[R];
  Floats sums[R][V];
  COINFER_UNROLL
  for (int r = 0; r < R; ++r) {
    from[r] = source(r);
    COINFER_UNROLL
    for (int v = 0; v < V; ++v) {
      if (Fresh) {
        sums[r][v] = Floats{};
      } else {
        load(sums[r][v], place(r) + v * lanes);
      }
    }
  }
  for (std::int64_t i = 0; i < k; ++i, weights += panel) {
    COINFER_UNROLL
    for (int line = 0; line < Ahead; ++line, ahead += step) {
      __builtin_prefetch(ahead, 0, 2);
    }
    Floats w[V];
    COINFER_UNROLL
    for (int v = 0; v < V; ++v) {
      load(w[v], weights + v * lanes);
    }
    COINFER_UNROLL
    for (int r = 0; r < R; ++r) {
      const float x = from[r][i];
      COINFER_UNROLL
      for (int v = 0; v < V; ++v) {
        sums[r][v] += w[v] * x;
      }
    }
  }
  COINFER_UNROLL
  for (int r = 0; r < R; ++r) {
    COINFER_UNROLL
    for (int v = 0; v < V; ++v) {
      store(place(r) + v * lanes, sums[r][v]);
    }
  }
}

}  // namespace coinfer::kernels
