#include "coinfer/layout.hpp"

#include "coinfer/error.hpp"

namespace coinfer {
namespace {

constexpr std::string_view dots = "...";
constexpr std::string_view scalar_text = "**SCALAR**";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

std::string canonical(std::string_view name) {
  std::string upper{name};
  for (auto& c : upper) {
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> long_names{
      {{"BATCH", "N"}, {"CHANNELS", "C"}, {"DEPTH", "D"}, {"HEIGHT", "H"}, {"WIDTH", "W"}}};
  for (const auto& [name_of, letter] : long_names) {
    if (upper == name_of) {
      return std::string{letter};
    }
  }
  return upper;
}

[[noreturn]] void fail(std::string_view text, std::string_view why) {
  throw Error(fmt::format("'{}' is no layout: {}", text, why));
}

/// The parts between commas, or single characters, with "..." as one.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  if (text.front() == '[' && text.back() == ']') {
    auto rest = text.substr(1, text.size() - 2);
    if (trimmed(rest).empty()) {
      fail(text, "there is nothing between the brackets");
    }
    for (;;) {
      const auto comma = rest.find(',');
      parts.push_back(trimmed(rest.substr(0, comma)));
      if (comma == std::string_view::npos) {
        return parts;
      }
      rest.remove_prefix(comma + 1);
    }
  }
  for (std::size_t i = 0; i < text.size();) {
    const auto length = text.substr(i, dots.size()) == dots ? dots.size() : 1;
    parts.push_back(text.substr(i, length));
    i += length;
  }
  return parts;
}

}  // namespace

Layout::Layout(std::string_view given) {
  const auto text = trimmed(given);
  if (text.empty()) {
    return;
  }
  ellipsis_ = false;
  if (text == scalar_text) {
    scalar_ = true;
    return;
  }
  for (const auto part : parts_of(text)) {
    if (part == dots) {
      if (ellipsis_) {
        fail(text, "it has more than one '...'");
      }
      ellipsis_ = true;
      continue;
    }
    if (part.empty()) {
      fail(text, "a dimension has no name");
    }
    const auto name = part == "?" ? std::string{part} : canonical(part);
    if (name != "?") {
      const auto is_letter = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
      };
      if (!std::all_of(part.begin(), part.end(), is_letter)) {
        fail(text, fmt::format("'{}' is no name; letters, digits, _, ? and ... can be", part));
      }
      if (has_name(name)) {
        fail(text, fmt::format("the dimension {} comes twice", name));
      }
    }
    (ellipsis_ ? back_ : front_).push_back(name);
  }
}

Layout Layout::scalar() { return Layout{scalar_text}; }

bool Layout::has_name(std::string_view name) const {
  const auto wanted = canonical(trimmed(name));
  return wanted != "?" && (std::find(front_.begin(), front_.end(), wanted) != front_.end() ||
                           std::find(back_.begin(), back_.end(), wanted) != back_.end());
}

std::int64_t Layout::index_of(std::string_view name) const {
  const auto wanted = canonical(trimmed(name));
  for (std::size_t i = 0; i < front_.size(); ++i) {
    if (front_[i] == wanted) {
      return static_cast<std::int64_t>(i);
    }
  }
  for (std::size_t i = 0; i < back_.size(); ++i) {
    if (back_[i] == wanted) {
      return static_cast<std::int64_t>(i) - static_cast<std::int64_t>(back_.size());
    }
  }
  throw Error(fmt::format("the layout {} has no dimension '{}'", to_string(), name));
}

std::int64_t Layout::index_of(std::string_view name, std::int64_t rank) const {
  if (!allows_rank(rank)) {
    throw Error(fmt::format("the layout {} is none of a tensor of rank {}", to_string(), rank));
  }
  const auto index = index_of(name);
  return index < 0 ? index + rank : index;
}

bool Layout::allows_rank(std::int64_t rank) const noexcept {
  if (scalar_) {
    return rank == 0;
  }
  const auto named = static_cast<std::int64_t>(front_.size() + back_.size());
  return ellipsis_ ? named <= rank : named == rank;
}

std::vector<std::string> Layout::names(std::int64_t rank) const {
  if (!allows_rank(rank)) {
    throw Error(fmt::format("the layout {} is none of a tensor of rank {}", to_string(), rank));
  }
  auto all = front_;
  all.resize(static_cast<std::size_t>(rank) - back_.size(), "?");
  all.insert(all.end(), back_.begin(), back_.end());
  return all;
}

std::string Layout::to_string() const {
  if (scalar_) {
    return std::string{scalar_text};
  }
  auto all = front_;
  if (ellipsis_) {
    all.emplace_back(dots);
  }
  all.insert(all.end(), back_.begin(), back_.end());
  return fmt::format("[{}]", fmt::join(all, ","));
}

}  // namespace coinfer
