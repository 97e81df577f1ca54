#include "kernels/isa.hpp"

#include <algorithm>
#include <dnnl.hpp>

namespace coinfer::kernels {
namespace {

Isa of_processor() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return Isa::avx512;
  }
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? Isa::avx2
                                                                         : Isa::baseline;
}

Isa of_onednn() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
    case dnnl::cpu_isa::avx:
      return Isa::baseline;
    case dnnl::cpu_isa::avx2:
    case dnnl::cpu_isa::avx2_vnni:
    case dnnl::cpu_isa::avx2_vnni_2:
      return Isa::avx2;
    default:
      return Isa::avx512;
  }
}

}  // namespace

Isa isa() {
  static const Isa best = std::min(of_processor(), of_onednn());
  return best;
}

}  // namespace coinfer::kernels
