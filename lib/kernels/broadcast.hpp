#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "coinfer/error.hpp"
#include "coinfer/shape.hpp"

namespace coinfer::kernels {

/// The shape of the result of an element-wise operation by numpy's rules. Throws Error when the
/// shapes exclude each other.
inline Shape broadcast_shapes(const Shape& a, const Shape& b) {
  const auto& longer = a.size() >= b.size() ? a : b;
  const auto& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const auto missing = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    auto& extent = result[missing + i];
    if (shorter[i] == extent || shorter[i] == 1) {
      continue;
    }
    if (extent != 1) {
      throw Error("the shapes " + a.to_string() + " and " + b.to_string() + " do not broadcast");
    }
    extent = shorter[i];
  }
  return result;
}

/// How to walk a dense row-major destination of shape `dst` while N dense sources are broadcast to
/// it. Neighbouring dimensions that all operands walk alike are merged, so that rows are as long as
/// can be: equal shapes are one row, a scalar operand too, [N,C]+[C] is N rows of C.
///
///     const Broadcast<2> walk{dst, {a, b}};
///     walk.for_each_row([&](std::int64_t d, const auto& at) {
///       // d + i for i < walk.row(); source k at at[k] + i * walk.step(k), step 0 or 1
///     });
///
/// Offsets are in elements. *Thread safety*: shared objects: safe.
template <std::size_t N>
class Broadcast {
 public:
  using Offsets = std::array<std::int64_t, N>;

  Broadcast(const Shape& dst, const std::array<Shape, N>& sources) {
    const auto rank = dst.size();
    std::array<Dims, N> strides;
    for (std::size_t k = 0; k < N; ++k) {
      strides[k].resize(rank, 0);
      const auto& source = sources[k];
      if (source.size() > rank) {
        throw Error("the shape " + source.to_string() + " does not broadcast to " +
                    dst.to_string());
      }
      std::int64_t step = 1;
      for (std::size_t i = source.size(); i-- > 0;) {
        const auto at = rank - source.size() + i;
        if (source[i] != 1 && source[i] != dst[at]) {
          throw Error("the shape " + source.to_string() + " does not broadcast to " +
                      dst.to_string());
        }
        strides[k][at] = source[i] == 1 ? 0 : step;
        step *= source[i];
      }
    }
    for (std::size_t i = 0; i < rank; ++i) {
      empty_ = empty_ || dst[i] == 0;
      if (dst[i] == 1) {
        continue;
      }
      bool merge = !extents_.empty();
      for (std::size_t k = 0; k < N && merge; ++k) {
        merge = steps_[k].back() == strides[k][i] * dst[i];
      }
      if (merge) {
        extents_.back() *= dst[i];
      } else {
        extents_.push_back(dst[i]);
      }
      for (std::size_t k = 0; k < N; ++k) {
        if (merge) {
          steps_[k].back() = strides[k][i];
        } else {
          steps_[k].push_back(strides[k][i]);
        }
      }
    }
    if (extents_.empty()) {
      extents_.push_back(1);
      for (std::size_t k = 0; k < N; ++k) {
        steps_[k].push_back(0);
      }
    }
    row_ = extents_.back();
    rows_ = empty_ ? 0 : 1;
    for (std::size_t i = 0; i + 1 < extents_.size() && !empty_; ++i) {
      rows_ *= extents_[i];
    }
  }

  /// Elements of a row.
  std::int64_t row() const noexcept { return row_; }
  std::int64_t rows() const noexcept { return rows_; }
  /// 0 when source `k` stays on one element along a row, else 1.
  std::int64_t step(std::size_t k) const noexcept { return steps_[k].back(); }
  /// All operands are walked once, in step, from end to end.
  bool is_flat() const noexcept { return extents_.size() == 1; }

  /// Calls visit(destination offset, source offsets) for the rows [begin, end).
  template <class Visit>
  void for_each_row(std::int64_t begin, std::int64_t end, Visit visit) const {
    if (begin >= end) {
      return;  // extents may be 0
    }
    const auto outer = extents_.size() - 1;
    Dims index(outer, 0);
    Offsets at{};
    auto rest = begin;
    for (auto i = outer; i-- > 0;) {
      index[i] = rest % extents_[i];
      rest /= extents_[i];
      for (std::size_t k = 0; k < N; ++k) {
        at[k] += index[i] * steps_[k][i];
      }
    }
    for (auto row = begin; row < end; ++row) {
      visit(row * row_, static_cast<const Offsets&>(at));
      for (auto i = outer; i-- > 0;) {
        for (std::size_t k = 0; k < N; ++k) {
          at[k] += steps_[k][i];
        }
        if (++index[i] < extents_[i]) {
          break;
        }
        for (std::size_t k = 0; k < N; ++k) {
          at[k] -= steps_[k][i] * extents_[i];
        }
        index[i] = 0;
      }
    }
  }
  template <class Visit>
  void for_each_row(Visit visit) const {
    for_each_row(0, rows_, visit);
  }

 private:
  Dims extents_;
  std::array<Dims, N> steps_;
  std::int64_t row_ = 1;
  std::int64_t rows_ = 1;
  bool empty_ = false;
};

}  // namespace coinfer::kernels
