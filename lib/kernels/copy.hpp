#pragma once

#include "coinfer/shape.hpp"
#include "ops/op.hpp"

namespace coinfer::kernels {

/// A kernel that copies elements of `width` bytes from src[0] to dst[0]; strides in elements, one
/// per extent. Source and destination must not overlap.
ops::Kernel strided_copy(std::size_t width, const Shape& dims, const Dims& src, const Dims& dst,
                         int threads);

}  // namespace coinfer::kernels
