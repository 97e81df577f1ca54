#pragma once

#include "graph/graph.hpp"
#include "serialization/tensors.hpp"

namespace coinfer::serialization {

/// Writes a graph with its nested graphs.
void put_graph(TensorWriter& writer, const graph::Graph& graph);

/// Reads one. Throws ModelFileError for anything that no graph can be: an unknown operator or
/// value, nodes that are not in order, a value that two make.
graph::Graph get_graph(TensorReader& reader);

}  // namespace coinfer::serialization
