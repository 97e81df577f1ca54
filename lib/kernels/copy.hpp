#pragma once

#include "coinfer/shape.hpp"
#include "ops/op.hpp"

namespace coinfer::kernels {

/// Strides in elements, one per extent.
struct CopyPart {
  Shape dims;
  Dims src;
  Dims dst;
};

/// A kernel that copies elements of `width` bytes from src[i] to dst[i] for each part, all parts in
/// one parallel section. Sources and destinations must not overlap.
ops::Kernel strided_copies(std::size_t width, std::span<const CopyPart> parts, int threads);

inline ops::Kernel strided_copy(std::size_t width, const Shape& dims, const Dims& src,
                                const Dims& dst, int threads) {
  const CopyPart part{dims, src, dst};
  return strided_copies(width, {&part, 1}, threads);
}

}  // namespace coinfer::kernels
