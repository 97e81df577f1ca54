#include "runtime/level.hpp"

namespace coinfer::runtime {

void LoopState::clear() noexcept {
  control = nullptr;
  number = {};
  condition_in = {};
  known.clear();
  carried.clear();
  spare.clear();
  slices.clear();
  stacks.clear();
  last.clear();
}

void Level::clear() noexcept {
  known.clear();
  next.clear();
  outputs.clear();
  node = nullptr;
  loop.clear();
}

Level& Levels::push(std::uint32_t graph) {
  if (depth_ == levels_.size()) {
    levels_.push_back(std::make_unique<Level>());
  }
  auto& level = *levels_[depth_++];
  level.graph = graph;
  level.first_node = 0;
  return level;
}

void Levels::pop() noexcept { levels_[--depth_]->clear(); }

void Levels::clear() noexcept {
  while (depth_ > 0) {
    pop();
  }
}

}  // namespace coinfer::runtime
