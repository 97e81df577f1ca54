#pragma once

#include <cstddef>
#include <cstdint>
#include <pugixml.hpp>
#include <span>
#include <string>
#include <vector>

#include "coinfer/shape.hpp"

namespace coinfer::frontends::ir {

/// Where a layer's input comes from: output port `port` (counted from 0) of `layers[layer]`.
struct Source {
  std::size_t layer = 0;
  std::size_t port = 0;
};

/// A port as the file declares it.
struct LayerPort {
  std::int64_t id = 0;
  PartialShape shape = PartialShape::dynamic();
  std::vector<std::string> names;  ///< of the tensor, sorted
};

/// A layer of a `<layers>` list. Points into its Document.
struct Layer {
  std::int64_t id = 0;
  std::string name;
  std::string type;    ///< "Convolution"
  std::string opset;   ///< "opset1"
  pugi::xml_node xml;  ///< the `<layer>`
  pugi::xml_node data;
  std::vector<LayerPort> inputs;
  std::vector<LayerPort> outputs;
  std::vector<Source> sources;  ///< one for each of `inputs`

  /// "'conv1' (Convolution, opset1)"
  std::string title() const;
};

/// A `<net>` or `<body>`: its layers in an order in which each follows what it reads.
struct Network {
  std::string name;
  std::vector<Layer> layers;
  std::vector<std::size_t> order;  ///< indices of `layers`, topologically sorted
};

/// Reads the layers and edges of a `<net>` or a `<body>`. Throws ModelFileError that names the
/// layer: an id twice, an edge from or to nowhere, an input without or with two edges, a cycle.
Network read_network(pugi::xml_node node);

/// Parses the xml of a whole file into `document` and returns its `<net>`. Throws ModelFileError.
pugi::xml_node parse(std::span<const std::byte> bytes, pugi::xml_document& document);

}  // namespace coinfer::frontends::ir
