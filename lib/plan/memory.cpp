#include <numeric>

#include "plan/step.hpp"

namespace coinfer::plan {
namespace {

struct Block {
  std::int64_t bytes = 0;
  std::size_t first = SIZE_MAX;
  std::size_t last = 0;
  std::int64_t offset = 0;
};

}  // namespace

std::size_t plan_memory(std::span<const std::unique_ptr<Step>> steps,
                        std::span<const Section> sections,
                        std::span<const std::int64_t> block_bytes) {
  std::vector<Block> blocks(block_bytes.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].bytes = (block_bytes[i] + 63) / 64 * 64;
  }
  for (std::size_t i = 0; i < sections.size(); ++i) {
    for (auto s = sections[i].first; s < sections[i].end; ++s) {
      for (const auto& argument : steps[s]->arguments) {
        if (argument.buffer.kind == Buffer::Kind::scratch) {
          auto& block = blocks[argument.buffer.index];
          block.first = std::min(block.first, i);
          block.last = std::max(block.last, i);
        }
      }
    }
  }
  // Largest first, each at the lowest gap among the placed ones that live at the same time.
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair{blocks[b].bytes, a} < std::pair{blocks[a].bytes, b};
  });
  std::vector<std::size_t> placed;  // by offset
  std::int64_t total = 0;
  for (const auto i : order) {
    auto& block = blocks[i];
    if (block.first == SIZE_MAX) {
      continue;
    }
    std::int64_t at = 0;
    for (const auto j : placed) {
      const auto& other = blocks[j];
      if (other.last < block.first || other.first > block.last) {
        continue;
      }
      if (at + block.bytes <= other.offset) {
        break;
      }
      at = std::max(at, other.offset + other.bytes);
    }
    block.offset = at;
    total = std::max(total, at + block.bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), i,
                                   [&](std::size_t a, std::size_t b) {
                                     return blocks[a].offset < blocks[b].offset;
                                   }),
                  i);
  }
  for (const auto& step : steps) {
    for (auto& argument : step->arguments) {
      if (argument.buffer.kind == Buffer::Kind::scratch) {
        argument.offset += blocks[argument.buffer.index].offset;
        argument.buffer.index = 0;
      }
    }
  }
  return static_cast<std::size_t>(total);
}

}  // namespace coinfer::plan
