#pragma once

#include <memory>
#include <span>

#include "coinfer/tensor.hpp"
#include "graph/graph.hpp"

namespace coinfer::frontends::ir {

/// Does the text look like an OpenVINO IR xml?
bool is_ir(std::span<const std::byte> bytes);

/// Reads an OpenVINO IR model of version 10 or 11. `weights` are the bytes of its .bin, null when
/// there are none; constants lie over them. Throws ModelFileError, Unsupported, naming the layer.
std::shared_ptr<graph::Graph> read(std::span<const std::byte> xml, const MemoryRef& weights);

}  // namespace coinfer::frontends::ir
