#pragma once

#include <pugixml.hpp>
#include <vector>

#include "frontends/ir/document.hpp"
#include "graph/graph.hpp"

/// The `<rt_info>` of a network, of its layers and of their ports. Of layers and ports those are
/// kept that OpenVINO keeps, by its names: "fused_names_0".
namespace coinfer::frontends::ir {

/// An element of a network's runtime info: `<name value="…"/>`, or one with elements of its own.
/// Names that are no names of XML elements are written `<info name="…">`.
void read_model_info(pugi::xml_node node, RtInfo& info);

/// Notes of a layer on the value that stands for it: a parameter or constant. Throws
/// ModelFileError.
void note_value(const Layer& layer, graph::Value& value);
/// Notes of a layer on the node that makes its first result, or on that when it is a constant by
/// now. A layer whose result is what it was given leaves none.
void note_results(const Layer& layer, const std::vector<graph::ValueId>& inputs,
                  const std::vector<graph::ValueId>& results, graph::Graph& graph);
/// Notes of the layer that output `index` stands for.
void note_result(const Layer& layer, graph::Graph& graph, std::size_t index);

}  // namespace coinfer::frontends::ir
