#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace coinfer {

/// A list of small integers (dimensions, strides, axes) without a heap allocation up to six.
using Dims = boost::container::small_vector<std::int64_t, 6>;

/// The extents of a tensor, outermost first; every extent is >= 0. Rank 0 is a scalar.
class Shape : public Dims {
 public:
  using Dims::Dims;
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Dims(dims) {}
  explicit Shape(std::span<const std::int64_t> dims) : Dims(dims.begin(), dims.end()) {}

  std::int64_t rank() const noexcept { return static_cast<std::int64_t>(size()); }

  /// Number of elements; throws Error when the product does not fit in 63 bits.
  std::int64_t elements() const;

  /// "[1,3,224,224]", OpenVINO's notation.
  std::string to_string() const;
};

/// One extent of a PartialShape: a number, an interval or unknown.
class Dimension {
 public:
  static constexpr std::int64_t unbounded = std::numeric_limits<std::int64_t>::max();

  constexpr Dimension() noexcept = default;  ///< unknown
  constexpr Dimension(std::int64_t length) noexcept
      : min_{length < 0 ? 0 : length}, max_{length < 0 ? unbounded : length} {}
  constexpr Dimension(std::int64_t min, std::int64_t max) noexcept
      : min_{min < 0 ? 0 : min}, max_{max < 0 ? unbounded : max} {}

  constexpr bool is_static() const noexcept { return min_ == max_; }
  constexpr bool is_dynamic() const noexcept { return min_ != max_; }
  constexpr std::int64_t min_length() const noexcept { return min_; }
  /// `unbounded` when there is no upper bound.
  constexpr std::int64_t max_length() const noexcept { return max_; }
  /// The extent; throws Error when dynamic.
  std::int64_t length() const;

  constexpr bool contains(std::int64_t length) const noexcept {
    return min_ <= length && length <= max_;
  }
  /// The dimension both can be; nullopt when they exclude each other.
  static std::optional<Dimension> merge(Dimension a, Dimension b) noexcept;

  friend constexpr bool operator==(Dimension, Dimension) noexcept = default;

  /// "4", "?", "1..8", "3..".
  std::string to_string() const;

 private:
  std::int64_t min_ = 0;
  std::int64_t max_ = unbounded;
};

/// A shape of which extents, or even the rank, may be unknown.
class PartialShape {
 public:
  using Dimensions = boost::container::small_vector<Dimension, 6>;

  PartialShape() = default;  ///< a scalar: static, rank 0
  PartialShape(std::initializer_list<Dimension> dims) : dims_(dims) {}
  explicit PartialShape(Dimensions dims) : dims_(std::move(dims)) {}
  PartialShape(const Shape& shape) : dims_(shape.begin(), shape.end()) {}

  /// Nothing is known, not even the rank.
  static PartialShape dynamic() {
    PartialShape shape;
    shape.rank_known_ = false;
    return shape;
  }
  /// The rank is known, no extent is.
  static PartialShape dynamic(std::int64_t rank) {
    return PartialShape(Dimensions(static_cast<std::size_t>(rank), Dimension{}));
  }
  /// Reads OpenVINO's notation: "[1,3,?,1..224]", "...", "1,3,-1".
  static PartialShape parse(std::string_view text);

  bool has_rank() const noexcept { return rank_known_; }
  /// -1 when the rank is unknown.
  std::int64_t rank() const noexcept {
    return rank_known_ ? static_cast<std::int64_t>(dims_.size()) : -1;
  }
  bool is_static() const noexcept;
  bool is_dynamic() const noexcept { return !is_static(); }

  Dimension& operator[](std::size_t i) { return dims_[i]; }
  const Dimension& operator[](std::size_t i) const { return dims_[i]; }
  const Dimensions& dimensions() const noexcept { return dims_; }

  /// The static shape; throws Error when dynamic.
  Shape to_shape() const;
  /// Smallest and largest shapes allowed (largest: Dimension::unbounded where there is no bound).
  Shape min_shape() const;
  Shape max_shape() const;

  bool contains(const Shape& shape) const noexcept;
  static std::optional<PartialShape> merge(const PartialShape& a, const PartialShape& b);

  friend bool operator==(const PartialShape& a, const PartialShape& b) noexcept {
    return a.rank_known_ == b.rank_known_ && a.dims_ == b.dims_;
  }

  /// "[1,3,?,1..224]"; "[...]" when the rank is unknown.
  std::string to_string() const;

 private:
  Dimensions dims_;
  bool rank_known_ = true;
};

}  // namespace coinfer
