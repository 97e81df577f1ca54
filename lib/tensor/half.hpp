#pragma once

#include <bit>
#include <cstdint>

#include "coinfer/element_type.hpp"

namespace coinfer {

/// float -> IEEE 754 binary16, round to nearest even; overflow gives infinity.
constexpr std::uint16_t to_f16_bits(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) {
    return static_cast<std::uint16_t>(sign | 0x7e00U | ((magnitude >> 13) & 0x3ffU));
  }
  if (magnitude >= 0x477ff000U) {  // rounds to 65536 or more
    return static_cast<std::uint16_t>(sign | 0x7c00U);
  }
  if (magnitude >= 0x38800000U) {  // normal
    const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
  }
  // Subnormal: adding 0.5 moves the result's bits to the end of the mantissa, rounded by the CPU.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
  return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
}

constexpr float from_f16_bits(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t magnitude = half & 0x7fffU;
  std::uint32_t bits = 0;
  if (magnitude >= 0x7c00U) {
    bits = 0x7f800000U | ((magnitude & 0x3ffU) << 13);
  } else if (magnitude >= 0x400U) {
    bits = (magnitude << 13) + 0x38000000U;
  } else {
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24F);
  }
  return std::bit_cast<float>(sign | bits);
}

/// float -> bfloat16, round to nearest even.
constexpr std::uint16_t to_bf16_bits(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) {
    return static_cast<std::uint16_t>((bits >> 16) | 0x40U);  // a NaN stays one
  }
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

constexpr float from_bf16_bits(std::uint16_t half) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

/// An element of an f16 tensor. Computes as float, is stored in two bytes.
struct Float16 {
  std::uint16_t bits = 0;
  Float16() = default;
  constexpr Float16(float value) noexcept : bits{to_f16_bits(value)} {}
  constexpr operator float() const noexcept { return from_f16_bits(bits); }
};

/// An element of a bf16 tensor.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  constexpr BFloat16(float value) noexcept : bits{to_bf16_bits(value)} {}
  constexpr operator float() const noexcept { return from_bf16_bits(bits); }
};

template <>
struct element_type_of<Float16> {
  static constexpr ElementType value = ElementType::f16;
};
template <>
struct element_type_of<BFloat16> {
  static constexpr ElementType value = ElementType::bf16;
};

}  // namespace coinfer
