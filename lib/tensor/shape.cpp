#include "coinfer/shape.hpp"

#include <charconv>

#include "coinfer/error.hpp"

namespace coinfer {
namespace {

std::string_view strip(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Dimension parse_dimension(std::string_view text, std::string_view whole) {
  const auto number = [&](std::string_view part) -> std::int64_t {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc{} || end != part.data() + part.size() || value < -1) {
      throw Error(fmt::format("'{}' is not a dimension, in the shape '{}'", text, whole));
    }
    return value;
  };
  if (text == "?" || text == "-1") {
    return Dimension{};
  }
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) {
    return Dimension{number(text)};
  }
  const auto low = strip(text.substr(0, dots));
  const auto high = strip(text.substr(dots + 2));
  const Dimension result{low.empty() ? 0 : number(low), high.empty() ? -1 : number(high)};
  if (result.min_length() > result.max_length()) {
    throw Error(fmt::format("'{}' is an empty interval, in the shape '{}'", text, whole));
  }
  return result;
}

}  // namespace

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (const auto extent : *this) {
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product)) {
      throw Error(fmt::format("the shape {} has more elements than can be counted", to_string()));
    }
  }
  return product;
}

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(*this, ",")); }

std::int64_t Dimension::length() const {
  if (is_dynamic()) {
    throw Error(fmt::format("the dimension '{}' has no fixed length", to_string()));
  }
  return min_;
}

std::optional<Dimension> Dimension::merge(Dimension a, Dimension b) noexcept {
  const auto low = std::max(a.min_, b.min_);
  const auto high = std::min(a.max_, b.max_);
  if (low > high) {
    return std::nullopt;
  }
  return Dimension{low, high};
}

std::string Dimension::to_string() const {
  if (is_static()) {
    return std::to_string(min_);
  }
  if (min_ == 0 && max_ == unbounded) {
    return "?";
  }
  return (min_ == 0 ? "" : std::to_string(min_)) + ".." +
         (max_ == unbounded ? "" : std::to_string(max_));
}

PartialShape PartialShape::parse(std::string_view text) {
  auto rest = strip(text);
  if (rest.starts_with('[') && rest.ends_with(']')) {
    rest = strip(rest.substr(1, rest.size() - 2));
  }
  if (rest == "...") {
    return dynamic();
  }
  PartialShape shape;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    shape.dims_.push_back(parse_dimension(strip(rest.substr(0, comma)), text));
    if (comma == std::string_view::npos) {
      break;
    }
    rest = strip(rest.substr(comma + 1));
    if (rest.empty()) {
      throw Error(fmt::format("a dimension is missing after the last ',' of the shape '{}'", text));
    }
  }
  return shape;
}

bool PartialShape::is_static() const noexcept {
  return rank_known_ &&
         std::all_of(dims_.begin(), dims_.end(), [](Dimension dim) { return dim.is_static(); });
}

Shape PartialShape::to_shape() const {
  if (!is_static()) {
    throw Error(fmt::format("the shape {} is dynamic", to_string()));
  }
  Shape shape;
  for (const auto dim : dims_) {
    shape.push_back(dim.min_length());
  }
  return shape;
}

Shape PartialShape::min_shape() const {
  Shape shape;
  for (const auto dim : dims_) {
    shape.push_back(dim.min_length());
  }
  return shape;
}

Shape PartialShape::max_shape() const {
  Shape shape;
  for (const auto dim : dims_) {
    shape.push_back(dim.max_length());
  }
  return shape;
}

bool PartialShape::contains(const Shape& shape) const noexcept {
  if (!rank_known_) {
    return true;
  }
  return shape.size() == dims_.size() &&
         std::equal(shape.begin(), shape.end(), dims_.begin(),
                    [](std::int64_t length, Dimension dim) { return dim.contains(length); });
}

std::optional<PartialShape> PartialShape::merge(const PartialShape& a, const PartialShape& b) {
  if (!a.rank_known_) {
    return b;
  }
  if (!b.rank_known_) {
    return a;
  }
  if (a.dims_.size() != b.dims_.size()) {
    return std::nullopt;
  }
  PartialShape merged;
  for (std::size_t i = 0; i < a.dims_.size(); ++i) {
    const auto dim = Dimension::merge(a.dims_[i], b.dims_[i]);
    if (!dim) {
      return std::nullopt;
    }
    merged.dims_.push_back(*dim);
  }
  return merged;
}

std::string PartialShape::to_string() const {
  if (!rank_known_) {
    return "[...]";
  }
  std::vector<std::string> texts;
  for (const auto dim : dims_) {
    texts.push_back(dim.to_string());
  }
  return fmt::format("[{}]", fmt::join(texts, ","));
}

}  // namespace coinfer
