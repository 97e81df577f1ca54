#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "coinfer/element_type.hpp"
#include "coinfer/shape.hpp"

namespace coinfer::kernels {

/// Row-major strides in elements.
Dims strides_of(const Shape& shape);

/// Calls f(std::type_identity<T>{}) with a type as wide as `type`: for kernels that only move
/// elements. Strings are moved as std::string.
template <class F>
auto with_width(ElementType type, F f) {
  if (type == ElementType::string) {
    return f(std::type_identity<std::string>{});
  }
  switch (size_of(type)) {
    case 1:
      return f(std::type_identity<std::uint8_t>{});
    case 2:
      return f(std::type_identity<std::uint16_t>{});
    case 4:
      return f(std::type_identity<std::uint32_t>{});
    default:
      return f(std::type_identity<std::uint64_t>{});
  }
}

/// A prepared copy of a block of elements between two strided places. Strides are in elements and
/// may be zero (broadcast) or negative (reverse) on the source's side. Dimensions that both sides
/// walk alike are merged; unit-stride rows become memcpy.
/// *Thread safety*: shared objects: safe.
class StridedCopy {
 public:
  StridedCopy(ElementType type, const Shape& shape, const Dims& src_strides,
              const Dims& dst_strides, std::int64_t src_offset = 0, std::int64_t dst_offset = 0);

  void operator()(const void* src, void* dst) const;

 private:
  struct Plane {
    std::int64_t rows, columns;
    std::int64_t src_row, src_column;
    std::int64_t dst_row, dst_column;
  };
  template <class T>
  static void copy_plane(const void* src, void* dst, const Plane& plane);

  Dims extents_;  // without the two innermost dimensions, which are the plane
  Dims src_steps_, dst_steps_;
  Plane plane_{1, 1, 0, 0, 0, 0};
  std::int64_t src_offset_, dst_offset_;
  std::int64_t width_;
  bool empty_ = false;
  void (*copy_)(const void*, void*, const Plane&) = nullptr;
};

}  // namespace coinfer::kernels
