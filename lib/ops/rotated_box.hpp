#pragma once

namespace coinfer::ops {

/// A rectangle turned around its middle.
struct RotatedBox {
  float x = 0, y = 0;  ///< of the middle
  float width = 0, height = 0;
  float angle = 0;  ///< radians, from x towards y
};

/// Intersection over union; 0 where one has no area.
float overlap(const RotatedBox& a, const RotatedBox& b);

}  // namespace coinfer::ops
