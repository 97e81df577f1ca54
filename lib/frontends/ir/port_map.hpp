#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontends/ir/control_flow.hpp"

namespace coinfer::frontends::ir {

/// One row of a `<port_map>`: a port of the layer and a Parameter or Result of its body.
struct PortLink {
  std::size_t port = 0;  ///< index among the layer's inputs or outputs
  std::size_t body = 0;  ///< index among the body's inputs or outputs
  std::string purpose;   ///< "current_iteration", "execution_condition": no port; else empty
  pugi::xml_node xml;
  bool has_axis = false;
};

/// The rows of a map of one body. Throws ModelFileError that names the layer: ports and layers that
/// are not there, a Parameter that gets two values or none, numbers that are none.
struct PortMap {
  std::vector<PortLink> inputs;
  std::vector<PortLink> outputs;
};
PortMap read_port_map(Writer& w, const char* name, const Body& body);

/// A `<back_edges>` row: the body's output that is its input in the next iteration.
struct BackEdge {
  std::size_t from = 0;
  std::size_t to = 0;
};
std::vector<BackEdge> read_back_edges(Writer& w, const Body& body);

/// An attribute of a row, `otherwise` when it is left out.
std::int64_t row_number(Writer& w, pugi::xml_node row, const char* attribute,
                        std::optional<std::int64_t> otherwise = std::nullopt);

}  // namespace coinfer::frontends::ir
