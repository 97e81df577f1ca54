#include "runtime/stream.hpp"

#include <boost/container_hash/hash.hpp>

namespace coinfer::runtime {

std::size_t PlanKeyHash::operator()(const PlanKey& key) const noexcept {
  return boost::hash_range(key.begin(), key.end());
}

Stream::Stream(int threads, const std::vector<int>& cores)
    : threads_{threads}, single_{1}, arena_{threads} {
  if (!cores.empty()) {
    pinned_single_.emplace(single_, std::vector{cores.front()});
    pinned_.emplace(arena_, cores);
  }
  if (threads > 1) {
    arena_threads_.emplace(arena_);
  }
}

Stream::Bound* Stream::find(const PlanKey& wanted) {
  if (!entries_.empty() && entries_.front().first == wanted) {
    return &entries_.front().second;
  }
  const auto found = by_key_.find(wanted);
  if (found == by_key_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front().second;
}

Stream::Bound& Stream::add(const PlanKey& new_key, std::shared_ptr<const StagePlan> stage) {
  if (entries_.size() >= max_instances) {
    by_key_.erase(entries_.back().first);
    entries_.pop_back();
  }
  auto instance = std::make_unique<plan::Instance>(stage->plan, scratch_);
  entries_.emplace_front(new_key, Bound{std::move(stage), std::move(instance), {}});
  by_key_.emplace(new_key, entries_.begin());
  return entries_.front().second;
}

void Stream::clear() {
  by_key_.clear();
  entries_.clear();
  scratch_.release();
}

}  // namespace coinfer::runtime
