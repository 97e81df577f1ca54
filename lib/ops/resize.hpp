#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/op.hpp"

namespace coinfer::ops {

/// How Resize and Upsample find the source of a destination element (ONNX's attributes).
struct Resampling {
  enum class Mode : std::uint8_t { nearest, linear, cubic };
  Mode mode = Mode::nearest;
  std::string coordinates = "asymmetric";
  std::string nearest = "simple";
  bool antialias = false;
  bool exclude_outside = false;
  double cubic_a = -0.75;
  double outside_value = 0;
};

/// One axis: extents, the scale, and for tf_crop_and_resize the part of the source, in 0 to 1.
struct ResampledAxis {
  std::int64_t from = 1;
  std::int64_t to = 1;
  double scale = 1;
  double begin = 0;
  double end = 1;

  bool is_identity() const { return from == to && scale == 1 && begin == 0 && end == 1; }
};

/// What each element of an axis is made of: `count` source indices and weights per element, clamped
/// to the axis. An element outside of it (tf_crop_and_resize) is marked.
struct Taps {
  std::int64_t count = 1;
  std::vector<std::int64_t> indices;
  std::vector<double> weights;
  std::vector<bool> outside;
};

Taps taps_of(const ResampledAxis& axis, const Resampling& how);

}  // namespace coinfer::ops
