#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "coinfer/rt_info.hpp"

namespace coinfer::graph {

/// The runtime info of a node and of its ports. Most nodes have none, which costs a null pointer;
/// copies share theirs until one is changed.
class Notes {
 public:
  /// What of the node they are on.
  enum class Of : std::uint8_t { node, input, output };

  bool empty() const { return !map_ || map_->empty(); }
  /// Null when there are none.
  const RtInfo* find(Of of, std::size_t port = 0) const {
    const auto found = map_ ? map_->find({of, port}) : Map::const_iterator{};
    return map_ && found != map_->end() ? &found->second : nullptr;
  }
  /// The same to be changed, made when there are none.
  RtInfo& at(Of of, std::size_t port = 0) {
    if (!map_ || map_.use_count() > 1) {
      map_ = map_ ? std::make_shared<Map>(*map_) : std::make_shared<Map>();
    }
    return (*map_)[{of, port}];
  }

 private:
  using Map = std::map<std::pair<Of, std::size_t>, RtInfo>;
  std::shared_ptr<Map> map_;
};

}  // namespace coinfer::graph
