#pragma once

#include <functional>
#include <map>
#include <memory>

#include "frontends/ir/writer.hpp"

namespace coinfer::frontends::ir {

/// The network of a `<body>`: its Parameters and Results are inputs and outputs, in the order of
/// the file.
struct Body {
  std::shared_ptr<graph::Graph> graph;
  std::map<std::int64_t, std::size_t> parameters;  ///< a layer's id -> the index of the input
  std::map<std::int64_t, std::size_t> results;     ///< a layer's id -> the index of the output
};

/// Reads a body; its weights lie where the network's do.
using BodyReader = std::function<Body(pugi::xml_node)>;

/// Does the layer have bodies (If, Loop, TensorIterator)?
bool is_control_flow(const Layer& layer);

/// Writes the node of such a layer and returns the values of its output ports. Throws
/// ModelFileError and Unsupported, naming the layer.
std::vector<ValueId> convert_control_flow(Writer& w, const BodyReader& read_body);

}  // namespace coinfer::frontends::ir
