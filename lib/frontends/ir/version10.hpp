#pragma once

#include "frontends/ir/document.hpp"
#include "graph/graph.hpp"

namespace coinfer::frontends::ir {

/// What OpenVINO makes of a network of IR version 10, whose applications know inputs and outputs by
/// the names of layers, and fewer element types: layers name the tensors of inputs and outputs too
/// ("split.1" is output 1 of several), an f16 input takes f32, integers of 32 and 64 bits come out
/// as i32 and all other numbers as f32. Strings stay. Throws when the name of a layer is that of
/// another input's or output's tensor.
void adapt_version_10(const Network& network, graph::Graph& graph);

}  // namespace coinfer::frontends::ir
