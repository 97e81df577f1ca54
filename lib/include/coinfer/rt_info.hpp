#pragma once

#include <map>
#include <span>
#include <string>

#include "coinfer/property.hpp"

namespace coinfer {

/// Notes that come with a model, a node or a port and do not change what is computed: a tree of
/// named values.
struct RtInfo {
  Property value;          ///< of a leaf
  bool attribute = false;  ///< it is one of OpenVINO's attributes, and `value` its text
  std::map<std::string, RtInfo> entries;

  bool empty() const { return entries.empty(); }
  /// The entry at a path of names; null when there is none.
  const RtInfo* find(std::span<const std::string> path) const {
    const auto* at = this;
    for (const auto& name : path) {
      const auto found = at->entries.find(name);
      if (found == at->entries.end()) {
        return nullptr;
      }
      at = &found->second;
    }
    return at;
  }
  /// The same, made when it is not there.
  RtInfo& at(std::span<const std::string> path) {
    auto* entry = this;
    for (const auto& name : path) {
      entry = &entry->entries[name];
    }
    return *entry;
  }
};

}  // namespace coinfer
