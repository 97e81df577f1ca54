#pragma once

#include <immintrin.h>

#include "kernels/vector_math.hpp"

namespace coinfer::kernels {

/// erf(x / sqrt(2)) / 2 for x from 0 on, in intervals of a length of 0.34: coefficients of degree 0
/// to 4 of polynomials in the share of the interval that lies below x, fitted to the least error
/// (8.2e-8). Above 5.44 it rounds to a half.
constexpr float intervals_per_unit = 1.0F / 0.34F;
alignas(64) inline constexpr float gelu_terms[5][16] = {
    {8.175325661e-08F, 1.330717802e-01F, 2.517477572e-01F, 3.461357057e-01F, 4.130849838e-01F,
     4.554345012e-01F, 4.793248177e-01F, 4.913436770e-01F, 4.967359006e-01F, 4.988933206e-01F,
     4.996630847e-01F, 4.999080002e-01F, 4.999774694e-01F, 4.999950528e-01F, 4.999990463e-01F,
     4.999998212e-01F},
    {1.356362551e-01F, 1.280205995e-01F, 1.076423302e-01F, 8.062735200e-02F, 5.379898474e-02F,
     3.197820485e-02F, 1.693238504e-02F, 7.986596785e-03F, 3.355681896e-03F, 1.255946117e-03F,
     4.187245213e-04F, 1.243510051e-04F, 3.289502638e-05F, 7.751185876e-06F, 1.626897415e-06F,
     3.041612331e-07F},
    {3.328675666e-05F, -7.382595446e-03F, -1.244851947e-02F, -1.399994083e-02F, -1.245835517e-02F,
     -9.253782220e-03F, -5.875161849e-03F, -3.228937276e-03F, -1.547820168e-03F, -6.503062323e-04F,
     -2.402689861e-04F, -7.825149078e-05F, -2.250436410e-05F, -5.722715287e-06F, -1.288109956e-06F,
     -2.568507398e-07F},
    {-2.707635518e-03F, -2.232510364e-03F, -1.103590592e-03F, 1.163384222e-04F, 9.389627376e-04F,
     1.200921135e-03F, 1.041369746e-03F, 7.110932493e-04F, 4.023197398e-04F, 1.931675797e-04F,
     7.976754569e-05F, 2.856693573e-05F, 8.922150300e-06F, 2.439816626e-06F, 5.858531722e-07F,
     1.238011009e-07F},
    {1.096686174e-04F, 2.704653016e-04F, 2.978127741e-04F, 2.056218946e-04F, 7.000839105e-05F,
     -3.498452133e-05F, -7.973622996e-05F, -7.654345973e-05F, -5.279103425e-05F, -2.906747977e-05F,
     -1.331293788e-05F, -5.178299944e-06F, -1.731585485e-06F, -5.017181479e-07F, -1.266448635e-07F,
     -2.795940723e-08F},
};

/// x = x times the normal distribution's share below x: the difference is below 3 eps of x.
COINFER_AVX512 COINFER_INLINE void gelu_avx512(Floats& x) {
  const auto given = (__m512)x;
  const auto place = _mm512_mul_ps(_mm512_abs_ps(given), _mm512_set1_ps(intervals_per_unit));
  const auto is_far = _mm512_cmp_ps_mask(place, _mm512_set1_ps(16.0F), _CMP_GE_OQ);
  const auto interval = _mm512_cvttps_epi32(place);  // of which four bits count
  constexpr int fraction = 0x0b;                     // what is left when it is cut
  const auto t = _mm512_reduce_ps(place, fraction);
  auto p = _mm512_permutexvar_ps(interval, _mm512_load_ps(gelu_terms[4]));
  COINFER_UNROLL
  for (int degree = 3; degree >= 0; --degree) {
    p = _mm512_fmadd_ps(p, t, _mm512_permutexvar_ps(interval, _mm512_load_ps(gelu_terms[degree])));
  }
  p = _mm512_mask_mov_ps(p, is_far, _mm512_set1_ps(0.5F));
  // With the sign of x.
  p = _mm512_xor_ps(p, _mm512_and_ps(given, _mm512_set1_ps(-0.0F)));
  x = (Floats)_mm512_mul_ps(given, _mm512_add_ps(p, _mm512_set1_ps(0.5F)));
}

}  // namespace coinfer::kernels
