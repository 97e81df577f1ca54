#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "coinfer/element_type.hpp"
#include "tensor/half.hpp"

namespace coinfer::ops {

/// The element type of a number of ONNX's TensorProto.DataType; `dynamic` for those without one
/// here (complex, 8-bit floats, 4-bit integers).
constexpr ElementType from_onnx_type(std::int64_t type) noexcept {
  using enum ElementType;
  constexpr ElementType types[] = {dynamic, f32, u8,  i8,  u16, i16,     i32,     i64, string,
                                   boolean, f16, f64, u32, u64, dynamic, dynamic, bf16};
  return type >= 0 && type < static_cast<std::int64_t>(std::size(types)) ? types[type] : dynamic;
}

/// Calls f(std::type_identity<T>{}) with the C++ type of a number's element type; returns false for
/// boolean, string and dynamic.
template <class F>
bool with_number(ElementType type, F f) {
  switch (type) {
    case ElementType::f32:
      f(std::type_identity<float>{});
      return true;
    case ElementType::f64:
      f(std::type_identity<double>{});
      return true;
    case ElementType::f16:
      f(std::type_identity<Float16>{});
      return true;
    case ElementType::bf16:
      f(std::type_identity<BFloat16>{});
      return true;
    case ElementType::i8:
      f(std::type_identity<std::int8_t>{});
      return true;
    case ElementType::i16:
      f(std::type_identity<std::int16_t>{});
      return true;
    case ElementType::i32:
      f(std::type_identity<std::int32_t>{});
      return true;
    case ElementType::i64:
      f(std::type_identity<std::int64_t>{});
      return true;
    case ElementType::u8:
      f(std::type_identity<std::uint8_t>{});
      return true;
    case ElementType::u16:
      f(std::type_identity<std::uint16_t>{});
      return true;
    case ElementType::u32:
      f(std::type_identity<std::uint32_t>{});
      return true;
    case ElementType::u64:
      f(std::type_identity<std::uint64_t>{});
      return true;
    default:
      return false;
  }
}

/// The same for the four floating types.
template <class F>
bool with_float(ElementType type, F f) {
  switch (type) {
    case ElementType::f32:
      f(std::type_identity<float>{});
      return true;
    case ElementType::f64:
      f(std::type_identity<double>{});
      return true;
    case ElementType::f16:
      f(std::type_identity<Float16>{});
      return true;
    case ElementType::bf16:
      f(std::type_identity<BFloat16>{});
      return true;
    default:
      return false;
  }
}

/// The same as with_number, with integers as unsigned ones of their width: for what does not depend
/// on the sign.
template <class F>
bool with_unsigned_number(ElementType type, F f) {
  switch (type) {
    case ElementType::i8:
      return with_number(ElementType::u8, f);
    case ElementType::i16:
      return with_number(ElementType::u16, f);
    case ElementType::i32:
      return with_number(ElementType::u32, f);
    case ElementType::i64:
      return with_number(ElementType::u64, f);
    default:
      return with_number(type, f);
  }
}

/// The same for i32 and i64, the types of indices.
template <class F>
bool with_index(ElementType type, F f) {
  switch (type) {
    case ElementType::i32:
      f(std::type_identity<std::int32_t>{});
      return true;
    case ElementType::i64:
      f(std::type_identity<std::int64_t>{});
      return true;
    default:
      return false;
  }
}

template <class T>
inline constexpr bool is_half = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
template <class T>
inline constexpr bool is_real = std::is_floating_point_v<T> || is_half<T>;

/// False for integers.
template <class T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::isnan(x);
  } else {
    return false;
  }
}

/// What a half computes in: float. Other types are their own.
template <class T>
using wide_of = std::conditional_t<is_half<T>, float, T>;

}  // namespace coinfer::ops
