#pragma once

#include <memory>

#include "frontends/onnx/external_data.hpp"
#include "graph/graph.hpp"

namespace coinfer::frontends::onnx {

/// Reads an ONNX model whose bytes are `file`. Throws ModelFileError, Unsupported, without the
/// path.
std::shared_ptr<graph::Graph> read(const MemoryRef& file, ExternalData external);

}  // namespace coinfer::frontends::onnx
