#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coinfer {

/// What the dimensions of a tensor mean, in OpenVINO's notation: "NCHW", "N...C", "[N,C,?,time]".
/// Names are compared without regard to case; batch, channels, depth, height and width are N, C, D,
/// H and W. *Thread safety*: distinct and shared objects: safe.
class Layout {
 public:
  Layout() = default;  ///< nothing is known: "..."
  /// Throws Error that says what is wrong with the text.
  explicit Layout(std::string_view text);
  static Layout scalar();

  /// Is nothing known?
  bool empty() const noexcept { return !scalar_ && ellipsis_ && front_.empty() && back_.empty(); }
  bool has_name(std::string_view name) const;
  /// Where the dimension is, counted from the back (negative) when it follows "...". Throws Error
  /// when the layout has no such name.
  std::int64_t index_of(std::string_view name) const;
  /// The same from the front, of a tensor of that rank.
  std::int64_t index_of(std::string_view name, std::int64_t rank) const;
  /// Can a tensor have this rank?
  bool allows_rank(std::int64_t rank) const noexcept;
  /// One name a dimension, "?" for the unknown ones. Throws Error when the rank does not suit.
  std::vector<std::string> names(std::int64_t rank) const;

  /// "[N,C,H,W]", "[N,...,C]", "[...]".
  std::string to_string() const;
  friend bool operator==(const Layout&, const Layout&) = default;

 private:
  std::vector<std::string> front_;
  std::vector<std::string> back_;  // after the dots
  bool ellipsis_ = true;
  bool scalar_ = false;
};

}  // namespace coinfer
