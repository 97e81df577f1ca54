#pragma once

#include <utility>

#include "kernels/parallel.hpp"
#include "ops/op.hpp"

namespace coinfer::kernels {

/// Calls run(part) for each part, on the threads of the current arena as far as it has some. `run`
/// must not throw.
template <class Run>
void for_each_of(std::int64_t parts, const Run& run) {
  parallel(parts, 1, static_cast<int>(parts), [&](std::int64_t begin, std::int64_t end) {
    for (auto part = begin; part < end; ++part) {
      run(part);
    }
  });
}

/// All parts as one kernel.
inline ops::Kernel together(ops::Parts parts) {
  return [parts = std::move(parts)](const void* const* src, void* const* dst) {
    for_each_of(parts.count, [&](std::int64_t part) { parts.run(src, dst, part); });
  };
}

}  // namespace coinfer::kernels
