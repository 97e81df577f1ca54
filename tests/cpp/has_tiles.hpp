#pragma once

#include "plan/precision.hpp"

namespace coinfer::testing {

/// The kernels for AMX can run here: on the processor's tiles, or on emulated ones, beside which
/// they need AVX-512 with bf16.
inline bool has_tiles() {
#ifdef COINFER_EMULATED_TILES
  return __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
#else
  return plan::has_amx();
#endif
}

}  // namespace coinfer::testing
