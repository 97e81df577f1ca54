#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace coinfer::ops {

/// Corners of a box: x0, y0, x1, y1.
using Box = std::array<float, 4>;

/// A box with the score that it is one of an object.
struct Proposal {
  Box box{};
  float score = 0;
  std::int64_t index = 0;  ///< among those that were given
};

/// A box moved by deltas (dx, dy, log dw, log dh; Girshick et al., R-CNN, CVPR 2014). `one` is what
/// an extent has more than the difference of its corners; `longest` the most that log dw may be.
Box moved(const Box& anchor, const Box& deltas, float one, float longest);

/// The box within an image; corners are at most its extents less `one`.
Box clipped(Box box, float height, float width, float one);

/// Sorts by score, the best first, and drops all but the best `most` (below zero: none).
void keep_best(std::vector<Proposal>& proposals, std::int64_t most);

/// Greedy suppression of sorted proposals: those stay that overlap no better one by more than
/// `threshold`, at most `most` of them. With `eta` below one a threshold above one half shrinks by
/// that factor with each that stays.
void suppress(std::vector<Proposal>& proposals, float threshold, std::int64_t most, float one,
              float eta = 1);

}  // namespace coinfer::ops
