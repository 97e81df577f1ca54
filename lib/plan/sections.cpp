#include "plan/sections.hpp"

#include <algorithm>

#include "plan/step.hpp"

namespace coinfer::plan {
namespace {

/// Part `i` of one argument and part `k` of the other have no byte in common, for all i and k that
/// differ.
bool are_apart(const Argument& a, const Argument& b) {
  const auto period = a.reach.period;
  const auto parts = a.reach.parts.size();
  if (parts == 0 || b.reach.parts.size() != parts || b.reach.period != period) {
    return false;
  }
  const auto start = [&](const Argument& argument) {
    return period == 0 ? argument.offset : argument.offset % period;
  };
  const auto wraps = [&](const Argument& argument) {
    return period != 0 &&
           std::any_of(argument.reach.parts.begin(), argument.reach.parts.end(),
                       [&](const auto& part) { return start(argument) + part.second > period; });
  };
  if (wraps(a) || wraps(b)) {
    return false;
  }
  for (std::size_t i = 0; i < parts; ++i) {
    for (std::size_t k = 0; k < parts; ++k) {
      const auto& one = a.reach.parts[i];
      const auto& other = b.reach.parts[k];
      if (i != k && start(a) + one.first < start(b) + other.second &&
          start(b) + other.first < start(a) + one.second) {
        return false;
      }
    }
  }
  return true;
}

/// No part of one step touches what another part of the other one writes.
bool are_apart(const Step& a, const Step& b) {
  for (std::size_t i = 0; i < a.arguments.size(); ++i) {
    for (std::size_t k = 0; k < b.arguments.size(); ++k) {
      const bool is_written = i >= a.sources || k >= b.sources;
      if (is_written && a.arguments[i].buffer == b.arguments[k].buffer &&
          !are_apart(a.arguments[i], b.arguments[k])) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

std::vector<Section> find_sections(std::span<const std::unique_ptr<Step>> steps) {
  std::vector<Section> sections;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& step = *steps[i];
    const auto fits = [&] {
      const auto& before = sections.back();
      return step.parts.run != nullptr && step.parts.count > 1 &&
             steps[before.first]->parts.run != nullptr &&
             steps[before.first]->parts.count == step.parts.count &&
             std::all_of(steps.begin() + static_cast<std::ptrdiff_t>(before.first),
                         steps.begin() + static_cast<std::ptrdiff_t>(before.end),
                         [&](const auto& other) { return are_apart(*other, step); });
    };
    if (!sections.empty() && fits()) {
      ++sections.back().end;
    } else {
      sections.push_back({i, i + 1});
    }
  }
  return sections;
}

}  // namespace coinfer::plan
