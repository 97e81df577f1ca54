#include "ops/rotated_box.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace coinfer::ops {
namespace {

struct Point {
  double x = 0, y = 0;
};

/// A convex polygon; what is left of a rectangle cut by four lines has at most eight corners.
struct Polygon {
  std::array<Point, 8> corners;
  std::size_t count = 0;

  void add(Point corner) {
    if (count < corners.size()) {
      corners[count++] = corner;
    }
  }
};

Polygon corners_of(const RotatedBox& box) {
  const double sine = std::sin(box.angle), cosine = std::cos(box.angle);
  const double w = box.width / 2.0, h = box.height / 2.0;
  Polygon polygon;
  for (const auto& [x, y] : {Point{-w, -h}, Point{w, -h}, Point{w, h}, Point{-w, h}}) {
    polygon.add({box.x + x * cosine - y * sine, box.y + x * sine + y * cosine});
  }
  return polygon;
}

/// Above zero on the left of the line from a to b.
double side(Point a, Point b, Point p) {
  return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

/// What lies on the left of the line from a to b (Sutherland and Hodgman, CACM 17, 1974).
Polygon cut(const Polygon& polygon, Point a, Point b) {
  Polygon left;
  for (std::size_t i = 0; i < polygon.count; ++i) {
    const auto p = polygon.corners[i], q = polygon.corners[(i + 1) % polygon.count];
    const auto before = side(a, b, p), after = side(a, b, q);
    if (before >= 0) {
      left.add(p);
    }
    if ((before > 0 && after < 0) || (before < 0 && after > 0)) {
      const auto part = before / (before - after);
      left.add({p.x + part * (q.x - p.x), p.y + part * (q.y - p.y)});
    }
  }
  return left;
}

double area_of(const Polygon& polygon) {
  double sum = 0;
  for (std::size_t i = 0; i < polygon.count; ++i) {
    const auto p = polygon.corners[i], q = polygon.corners[(i + 1) % polygon.count];
    sum += p.x * q.y - p.y * q.x;
  }
  return sum / 2;
}

}  // namespace

float overlap(const RotatedBox& a, const RotatedBox& b) {
  const auto area_a = double{a.width} * a.height, area_b = double{b.width} * b.height;
  if (!(area_a > 0) || !(area_b > 0)) {
    return 0;
  }
  // Around the middle between them, where differences are exact.
  const auto x = (a.x + b.x) / 2, y = (a.y + b.y) / 2;
  auto first = corners_of({a.x - x, a.y - y, a.width, a.height, a.angle});
  const auto second = corners_of({b.x - x, b.y - y, b.width, b.height, b.angle});
  for (std::size_t i = 0; i < 4; ++i) {
    first = cut(first, second.corners[i], second.corners[(i + 1) % 4]);
  }
  const auto both = area_of(first);
  return static_cast<float>(both / (area_a + area_b - both));
}

}  // namespace coinfer::ops
