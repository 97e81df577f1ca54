#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "graph/graph.hpp"

namespace coinfer::frontends {

/// Reads a model file of any known format. Weights stay memory-mapped. Throws ModelFileError with
/// the path and what is wrong, Unsupported with the node and its operator.
/// `map`: false to read a large file into memory.
std::shared_ptr<graph::Graph> read_file(const std::filesystem::path& path, bool map = true);

/// The same from bytes; `owner` keeps them alive as long as any weight is used.
std::shared_ptr<graph::Graph> read_bytes(std::span<const std::byte> bytes,
                                         std::shared_ptr<void> owner);

}  // namespace coinfer::frontends
