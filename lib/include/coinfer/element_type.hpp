#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coinfer {

/// The type of one tensor element. Names are those of OpenVINO's `element::Type`.
/// A `string` element is a `std::string` object in the tensor's memory.
enum class ElementType : std::uint8_t {
  dynamic,  ///< not known
  boolean,  ///< one byte, 0 or 1
  bf16,
  f16,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  string,
};

/// Bytes of one element; 0 for `dynamic`.
std::size_t size_of(ElementType type) noexcept;

/// OpenVINO's name: "f32", "boolean", "string", … ("dynamic" for the unknown type).
std::string_view name_of(ElementType type) noexcept;

/// The type with that name; throws Error that names the text when there is none.
ElementType element_type(std::string_view name);

constexpr bool is_floating(ElementType type) noexcept {
  return type == ElementType::bf16 || type == ElementType::f16 || type == ElementType::f32 ||
         type == ElementType::f64;
}

constexpr bool is_integral(ElementType type) noexcept {
  return type >= ElementType::i8 && type <= ElementType::u64;
}

/// The element type of a C++ type, for `Tensor::data<T>()`. `bool` is `boolean`.
template <class T>
struct element_type_of;
#define COINFER_ELEMENT_TYPE(cpp, name)                     \
  template <>                                               \
  struct element_type_of<cpp> {                             \
    static constexpr ElementType value = ElementType::name; \
  };
COINFER_ELEMENT_TYPE(bool, boolean)
COINFER_ELEMENT_TYPE(float, f32)
COINFER_ELEMENT_TYPE(double, f64)
COINFER_ELEMENT_TYPE(std::int8_t, i8)
COINFER_ELEMENT_TYPE(std::int16_t, i16)
COINFER_ELEMENT_TYPE(std::int32_t, i32)
COINFER_ELEMENT_TYPE(std::int64_t, i64)
COINFER_ELEMENT_TYPE(std::uint8_t, u8)
COINFER_ELEMENT_TYPE(std::uint16_t, u16)
COINFER_ELEMENT_TYPE(std::uint32_t, u32)
COINFER_ELEMENT_TYPE(std::uint64_t, u64)
#undef COINFER_ELEMENT_TYPE

}  // namespace coinfer
