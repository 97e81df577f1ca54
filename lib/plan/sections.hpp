#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace coinfer::plan {

class Step;

/// Steps [first, end) that a plan starts together: each thread does its part of the first, then its
/// part of the second, and so on, and waits for the others at the end only. A section of one step
/// may be of any kind.
struct Section {
  std::size_t first = 0;
  std::size_t end = 0;
};

/// The longest sections, in order, in which no part touches what another one writes. Before memory
/// is planned: two arguments overlap only in one buffer.
std::vector<Section> find_sections(std::span<const std::unique_ptr<Step>> steps);

}  // namespace coinfer::plan
