#pragma once

#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace coinfer::frontends::ir {

/// Gives a value the names that the file has for the tensor.
void set_names(graph::Value& value, std::vector<std::string> names);
/// One more, in the order of names. A constant that is called as its node stays called so.
void add_name(graph::Value& value, const std::string& name);

/// `value` as another element type, made by a node behind all others.
graph::ValueId cast(graph::Graph& graph, graph::ValueId value, ElementType type);

}  // namespace coinfer::frontends::ir
