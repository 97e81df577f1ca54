#pragma once

#include <cstdint>

namespace coinfer::kernels {

/// A matrix [n, k] packed for products with few rows: panels of 64 of its rows, in each of them the
/// 64 numbers of a column side by side, so that a product reads it once, from front to back. In
/// f32, or rounded to bf16: half to read.
std::int64_t packed_numbers(std::int64_t n, std::int64_t k);
void pack_rows(const float* matrix, std::int64_t n, std::int64_t k, float* packed);
void pack_rows(const float* matrix, std::int64_t n, std::int64_t k, std::uint16_t* packed);

/// c += a matrixᵀ for the packed matrix: a is [rows, k], c is [rows, n] with rows `stride_c` apart.
/// On the calling thread.
void multiply_packed(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                     const float* packed, float* c, std::int64_t stride_c);
void multiply_packed(std::int64_t rows, std::int64_t n, std::int64_t k, const float* a,
                     const std::uint16_t* packed, float* c, std::int64_t stride_c);

}  // namespace coinfer::kernels
