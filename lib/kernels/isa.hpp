#pragma once

namespace coinfer::kernels {

/// Loops are compiled for each of these and chosen when a kernel is made: the library is built for
/// any x86-64.
enum class Isa { baseline, avx2, avx512 };

/// The best of the machine; not more than ONEDNN_MAX_CPU_ISA allows oneDNN.
Isa isa();

#define COINFER_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define COINFER_AVX2 __attribute__((target("avx2,fma")))
#define COINFER_INLINE inline __attribute__((always_inline))

/// Before a loop over an array of registers: unrolled early, so that the array never is in memory.
#ifdef __clang__
#define COINFER_UNROLL _Pragma("clang loop unroll(full)")
#else
#define COINFER_UNROLL _Pragma("GCC unroll 32")
#endif

}  // namespace coinfer::kernels
