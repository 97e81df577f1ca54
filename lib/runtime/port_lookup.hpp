#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

#include "coinfer/error.hpp"
#include "coinfer/model.hpp"

namespace coinfer::runtime {

inline PortRef find_port(const std::vector<PortRef>& ports, std::string_view name,
                         std::string_view what) {
  std::vector<std::string> names;
  for (const auto& port : ports) {
    if (port->has_name(name)) {
      return port;
    }
    names.push_back(port->names.empty() ? std::to_string(port->index) : port->names.front());
  }
  throw Error(
      fmt::format("the model has no {} '{}'; there are {}", what, name, fmt::join(names, ", ")));
}

inline PortRef find_port(const std::vector<PortRef>& ports, std::size_t index,
                         std::string_view what) {
  if (index >= ports.size()) {
    throw Error(fmt::format("{} {} was asked for; the model has {}", what, index, ports.size()));
  }
  return ports[index];
}

}  // namespace coinfer::runtime
