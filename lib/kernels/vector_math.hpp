#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/isa.hpp"

namespace coinfer::kernels {

/// Sixteen floats, whatever the machine has registers for. Passed by reference only: by value their
/// calling convention would depend on the caller's instruction set.
using Floats = float __attribute__((vector_size(64)));
using Integers = std::int32_t __attribute__((vector_size(64)));
constexpr std::int64_t lanes = 16;

COINFER_INLINE void load(Floats& to, const float* from) { std::memcpy(&to, from, sizeof(to)); }
COINFER_INLINE void store(float* to, const Floats& from) { std::memcpy(to, &from, sizeof(from)); }

/// Sixteen numbers of bf16, the upper halves of floats.
using Halves = std::uint16_t __attribute__((vector_size(32)));

COINFER_INLINE void load(Floats& to, const std::uint16_t* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
  to = (Floats)(__builtin_convertvector(halves, Integers) << 16);
}
/// Rounds to the nearest, to even where two are as near; what is no number stays none.
COINFER_INLINE void store(std::uint16_t* to, const Floats& from) {
  const Integers bits = (Integers)from;
  const Integers rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const Integers none = Integers{} + 0x7fc0;
  // NOLINTNEXTLINE(misc-redundant-expression): what is no number does not equal itself.
  const Halves halves = __builtin_convertvector(from == from ? rounded : none, Halves);
  std::memcpy(to, &halves, sizeof(halves));
}

COINFER_INLINE void shifted_by(Floats& to, const Floats& from, std::integral_constant<int, 8>) {
  to = __builtin_shufflevector(from, from, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}
COINFER_INLINE void shifted_by(Floats& to, const Floats& from, std::integral_constant<int, 4>) {
  to = __builtin_shufflevector(from, from, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
}
COINFER_INLINE void shifted_by(Floats& to, const Floats& from, std::integral_constant<int, 2>) {
  to = __builtin_shufflevector(from, from, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
COINFER_INLINE void shifted_by(Floats& to, const Floats& from, std::integral_constant<int, 1>) {
  to = __builtin_shufflevector(from, from, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}
template <int distance>
COINFER_INLINE void fold_sum(Floats& v) {
  Floats other;
  shifted_by(other, v, std::integral_constant<int, distance>{});
  v += other;
}
template <int distance>
COINFER_INLINE void fold_greatest(Floats& v) {
  Floats other;
  shifted_by(other, v, std::integral_constant<int, distance>{});
  v = other > v ? other : v;
}
/// Of all sixteen, by halves.
COINFER_INLINE float sum_of(const Floats& of) {
  Floats v = of;
  fold_sum<8>(v);
  fold_sum<4>(v);
  fold_sum<2>(v);
  fold_sum<1>(v);
  return v[0];
}
COINFER_INLINE float greatest_of(const Floats& of) {
  Floats v = of;
  fold_greatest<8>(v);
  fold_greatest<4>(v);
  fold_greatest<2>(v);
  fold_greatest<1>(v);
  return v[0];
}

/// The first `count` numbers, the others being 0; all of them when `count` is not less.
template <class T>
COINFER_INLINE void load_some(Floats& to, const T* from, std::int64_t count) {
  if (count >= lanes) {
    load(to, from);
    return;
  }
  T some[lanes] = {};
  for (std::int64_t j = 0; j < count; ++j) {
    some[j] = from[j];
  }
  load(to, some);
}
template <class T>
COINFER_INLINE void store_some(T* to, const Floats& from, std::int64_t count) {
  if (count >= lanes) {
    store(to, from);
    return;
  }
  T some[lanes];
  store(some, from);
  for (std::int64_t j = 0; j < count; ++j) {
    to[j] = some[j];
  }
}
COINFER_INLINE void add_some(float* to, const Floats& what, std::int64_t count) {
  Floats sum;
  load_some(sum, to, count);
  sum += what;
  store_some(to, sum, count);
}

/// x = exp(x) within 2 ulp; 0 below -87.3, bounded above 88. x = k ln 2 + r with |r| <= ln 2 / 2;
/// exp(r) is Cephes' polynomial, and so is the split of ln 2.
COINFER_INLINE void exp_of(Floats& x) {
  const Floats low = Floats{} - 87.3F;
  const Floats high = Floats{} + 88.0F;
  const Integers vanishes = x < low;
  Floats bounded = vanishes ? low : x;
  bounded = bounded > high ? high : bounded;
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest integer
  const Floats shifted = bounded * 1.44269504F + round;
  const Floats k = shifted - round;
  const Floats r = (bounded - k * 0.693359375F) + k * 2.12194440e-4F;
  Floats p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  Integers power;
  std::memcpy(&power, &shifted, sizeof(power));
  power = (power << 23) + 0x3f800000;
  Floats scale;
  std::memcpy(&scale, &power, sizeof(scale));
  x = vanishes ? Floats{} : p * scale;
}

/// x = 1 / (1 + exp(-x))
COINFER_INLINE void sigmoid_of(Floats& x) {
  x = -x;
  exp_of(x);
  x = 1.0F / (1.0F + x);
}

/// x = tanh(x), also near 0, where it is Cephes' polynomial.
COINFER_INLINE void tanh_of(Floats& x) {
  const Floats magnitude = x < 0.0F ? -x : x;
  const Floats square = x * x;
  Floats near = square * -5.70498872745e-3F + 2.06390887954e-2F;
  near = near * square - 5.37397155531e-2F;
  near = near * square + 1.33314422036e-1F;
  near = near * square - 3.33332819422e-1F;
  near = near * square * x + x;
  Floats power = magnitude + magnitude;
  exp_of(power);
  const Floats far = 1.0F - 2.0F / (power + 1.0F);
  x = magnitude < 0.625F ? near : (x < 0.0F ? -far : far);
}

}  // namespace coinfer::kernels
