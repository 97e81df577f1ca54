#pragma once

#include <boost/container/small_vector.hpp>

#include "kernels/strided_copy.hpp"

namespace coinfer::ops {

/// A walk over a dense source of which some dimensions are reduced. The innermost run of kept
/// dimensions is `block` elements (1 when the innermost dimension is reduced; then `run` reduced
/// elements lie in a row). `kept` and `reduced` hold the offsets of everything further out.
struct ReduceWalk {
  std::int64_t block = 1;
  std::int64_t run = 1;
  std::int64_t count = 1;           // elements reduced to one
  Dims kept_extents, kept_strides;  // outer kept dimensions
  Dims reduced_extents, reduced_strides;

  ReduceWalk(const Shape& shape, const std::vector<bool>& reduced) {
    const auto strides = kernels::strides_of(shape);
    // Dimensions merged while neighbours are of one kind.
    struct Part {
      std::int64_t extent, stride;
      bool reduced;
    };
    boost::container::small_vector<Part, 6> parts;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (reduced[i]) {
        count *= shape[i];
      }
      if (shape[i] == 1) {
        continue;
      }
      if (!parts.empty() && parts.back().reduced == reduced[i]) {
        parts.back().extent *= shape[i];
        parts.back().stride = strides[i];
      } else {
        parts.push_back({shape[i], strides[i], reduced[i]});
      }
    }
    if (!parts.empty()) {
      (parts.back().reduced ? run : block) = parts.back().extent;
      parts.pop_back();
    }
    for (const auto& part : parts) {
      (part.reduced ? reduced_extents : kept_extents).push_back(part.extent);
      (part.reduced ? reduced_strides : kept_strides).push_back(part.stride);
    }
  }

  /// Calls visit(offset) for each index of the dimensions.
  template <class Visit>
  static void each(const Dims& extents, const Dims& strides, Visit visit) {
    if (extents.empty()) {
      visit(std::int64_t{0});
      return;
    }
    if (extents.size() == 1) {
      for (std::int64_t i = 0; i < extents[0]; ++i) {
        visit(i * strides[0]);
      }
      return;
    }
    for (const auto extent : extents) {
      if (extent == 0) {
        return;
      }
    }
    Dims index(extents.size(), 0);
    std::int64_t offset = 0;
    for (;;) {
      visit(offset);
      auto i = extents.size();
      for (;;) {
        if (i == 0) {
          return;
        }
        --i;
        offset += strides[i];
        if (++index[i] < extents[i]) {
          break;
        }
        offset -= strides[i] * extents[i];
        index[i] = 0;
      }
    }
  }
};

}  // namespace coinfer::ops
