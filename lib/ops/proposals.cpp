#include "ops/proposals.hpp"

#include <algorithm>
#include <cmath>

namespace coinfer::ops {
namespace {

/// Intersection over union.
float overlap(const Box& a, const Box& b, float one) {
  if (b[0] > a[2] || b[2] < a[0] || b[1] > a[3] || b[3] < a[1]) {
    return 0;
  }
  const auto width = std::max(std::min(a[2], b[2]) - std::max(a[0], b[0]) + one, 0.0F);
  const auto height = std::max(std::min(a[3], b[3]) - std::max(a[1], b[1]) + one, 0.0F);
  const auto area = [one](const Box& box) {
    return (box[2] - box[0] + one) * (box[3] - box[1] + one);
  };
  return width * height / (area(a) + area(b) - width * height);
}

}  // namespace

Box moved(const Box& anchor, const Box& deltas, float one, float longest) {
  const auto width = anchor[2] - anchor[0] + one, height = anchor[3] - anchor[1] + one;
  const auto x = deltas[0] * width + anchor[0] + 0.5F * width;
  const auto y = deltas[1] * height + anchor[1] + 0.5F * height;
  const auto w = std::exp(std::min(deltas[2], longest)) * width;
  const auto h = std::exp(std::min(deltas[3], longest)) * height;
  return {x - 0.5F * w, y - 0.5F * h, x + 0.5F * w - one, y + 0.5F * h - one};
}

Box clipped(Box box, float height, float width, float one) {
  for (std::size_t i = 0; i < 4; ++i) {
    box[i] = std::max(0.0F, std::min(box[i], (i % 2 == 0 ? width : height) - one));
  }
  return box;
}

void keep_best(std::vector<Proposal>& proposals, std::int64_t most) {
  std::sort(proposals.begin(), proposals.end(), [](const Proposal& a, const Proposal& b) {
    // Without NaNs, which have no order.
    const auto x = std::isnan(a.score) ? -HUGE_VALF : a.score;
    const auto y = std::isnan(b.score) ? -HUGE_VALF : b.score;
    return x > y || (x == y && a.index < b.index);
  });
  if (most >= 0 && static_cast<std::int64_t>(proposals.size()) > most) {
    proposals.resize(static_cast<std::size_t>(most));
  }
}

void suppress(std::vector<Proposal>& proposals, float threshold, std::int64_t most, float one,
              float eta) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < proposals.size() && static_cast<std::int64_t>(kept) < most; ++i) {
    const auto& next = proposals[i];
    const bool covered = std::any_of(
        proposals.begin(), proposals.begin() + static_cast<std::ptrdiff_t>(kept),
        [&](const Proposal& other) { return overlap(next.box, other.box, one) > threshold; });
    if (!covered) {
      proposals[kept++] = proposals[i];
      threshold *= eta < 1 && threshold > 0.5F ? eta : 1;
    }
  }
  proposals.resize(kept);
}

}  // namespace coinfer::ops
