#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "coinfer/element_type.hpp"
#include "coinfer/shape.hpp"

namespace coinfer::plan {

/// A block of memory that steps read and write. `index` counts blocks of scratch, constants, stage
/// inputs or stage outputs.
struct Buffer {
  enum class Kind : std::uint8_t { scratch, constant, input, output };
  Kind kind = Kind::scratch;
  std::uint32_t index = 0;
  friend bool operator==(const Buffer&, const Buffer&) = default;
};

/// Where a value lies: its logical extents (ONNX's order) over a buffer. Physical layout is in the
/// strides: a channels-last image has logical extents NCHW and strides (HWC, 1, WC, C).
struct View {
  Buffer buffer;
  std::int64_t offset = 0;  ///< bytes
  ElementType type = ElementType::f32;
  Shape dims;
  Dims strides;  ///< elements

  std::int64_t elements() const { return dims.elements(); }
  /// Bytes from the first element to the end of the last.
  std::int64_t extent_bytes() const;
  /// Dense row-major; strides of extents of 1 do not matter.
  bool is_plain() const;
  /// Dense with channels (extent 1) innermost; rank 3 to 5.
  bool is_channels_last() const;
  /// Some permutation of a dense block.
  bool is_dense() const;
};

Dims plain_strides(std::span<const std::int64_t> dims);
/// (.., 1 at dim 1): plain for ranks below 3.
Dims channels_last_strides(std::span<const std::int64_t> dims);
/// Equal where the extent is not 1.
bool same_strides(std::span<const std::int64_t> dims, const Dims& a, const Dims& b);

/// The same elements in row-major order under other extents; nullopt when strides do not allow it.
std::optional<View> reshaped(const View& view, const Shape& dims);
/// Extent i of the result is extent order[i] of `view`.
View transposed(const View& view, std::span<const std::int64_t> order);
/// With extents of 1 put in front up to `rank`.
View padded(const View& view, std::size_t rank);

}  // namespace coinfer::plan
