#include <cmath>

#include "ops/resize.hpp"

namespace coinfer::ops {
namespace {

double source_of(std::int64_t at, const ResampledAxis& axis, const std::string& coordinates) {
  const auto x = static_cast<double>(at);
  const auto from = static_cast<double>(axis.from);
  const auto to = axis.scale * from;
  if (coordinates == "align_corners") {
    return to == 1 ? 0 : x * (from - 1) / (to - 1);
  }
  if (coordinates == "asymmetric") {
    return x / axis.scale;
  }
  if (coordinates == "tf_crop_and_resize") {
    const auto part = to == 1 ? (axis.end - axis.begin) * (from - 1) / 2
                              : x * (axis.end - axis.begin) * (from - 1) / (to - 1);
    return part + axis.begin * (from - 1);
  }
  if (coordinates == "pytorch_half_pixel" && to == 1) {
    return -0.5;
  }
  if (coordinates == "half_pixel_or_first" && to == 1) {
    return 0;
  }
  if (coordinates == "tf_half_pixel_for_nn") {
    return (x + 0.5) / axis.scale;
  }
  auto source = (x + 0.5) / axis.scale - 0.5;
  if (coordinates == "half_pixel_symmetric") {
    source += from / 2 * (1 - static_cast<double>(axis.to) / to);
  }
  return source;
}

/// Weight of an element at a distance, before it is divided by the sum.
double linear_weight(double distance) { return std::max(1 - std::abs(distance), 0.0); }

// Keys' cubic convolution, IEEE Trans. ASSP 29 (1981).
double cubic_weight(double distance, double a) {
  const auto x = std::abs(distance);
  if (x <= 1) {
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  }
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

double nearest_of(double x, const ResampledAxis& axis, const std::string& mode) {
  if (mode == "round_prefer_floor") {
    return std::ceil(x - 0.5);
  }
  if (mode == "round_prefer_ceil") {
    return std::floor(x + 0.5);
  }
  // "simple" is opset 10's: the next element above when shrinking.
  const bool up = mode == "ceil" || (mode == "simple" && axis.scale < 1);
  return up ? std::ceil(x) : std::floor(x);
}

}  // namespace

Taps taps_of(const ResampledAxis& axis, const Resampling& how) {
  Taps taps;
  taps.outside.resize(static_cast<std::size_t>(axis.to), false);
  const auto shrink = how.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double reach = how.mode == Resampling::Mode::cubic ? 2 : 1;
  // Elements floor(x) + first .. floor(x) + last are within reach.
  const auto first = static_cast<std::int64_t>(std::floor(-reach / shrink)) + 1;
  const auto last = 1 - first;
  taps.count = how.mode == Resampling::Mode::nearest ? 1 : last - first + 1;
  const auto clamp = [&](double index) {
    return static_cast<std::int64_t>(
        std::clamp(index, 0.0, static_cast<double>(std::max<std::int64_t>(axis.from - 1, 0))));
  };
  for (std::int64_t i = 0; i < axis.to; ++i) {
    const auto x = source_of(i, axis, how.coordinates);
    taps.outside[static_cast<std::size_t>(i)] = how.coordinates == "tf_crop_and_resize" &&
                                                (x < 0 || x > static_cast<double>(axis.from - 1));
    if (how.mode == Resampling::Mode::nearest) {
      taps.indices.push_back(clamp(nearest_of(x, axis, how.nearest)));
      taps.weights.push_back(1);
      continue;
    }
    const auto base = std::floor(x);
    double sum = 0;
    for (auto k = first; k <= last; ++k) {
      const auto index = base + static_cast<double>(k);
      const auto distance = (index - x) * shrink;
      auto weight = how.mode == Resampling::Mode::cubic ? cubic_weight(distance, how.cubic_a)
                                                        : linear_weight(distance);
      if (how.exclude_outside && (index < 0 || index >= static_cast<double>(axis.from))) {
        weight = 0;
      }
      sum += weight;
      taps.indices.push_back(clamp(index));
      taps.weights.push_back(weight);
    }
    for (auto k = taps.weights.size() - static_cast<std::size_t>(taps.count);
         k < taps.weights.size() && sum != 0; ++k) {
      taps.weights[k] /= sum;
    }
  }
  return taps;
}

}  // namespace coinfer::ops
