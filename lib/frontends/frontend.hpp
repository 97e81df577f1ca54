#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "graph/graph.hpp"

namespace coinfer::frontends {

/// Reads a model file of any known format. Weights stay memory-mapped. Throws ModelFileError with
/// the path and what is wrong, Unsupported with the node and its operator. `weights` is the .bin of
/// an OpenVINO IR; when it is empty, the .bin beside the .xml.
/// `map`: false to read a large file into memory.
std::shared_ptr<graph::Graph> read_file(const std::filesystem::path& path,
                                        const std::filesystem::path& weights = {}, bool map = true);

/// The same from bytes; `owner` keeps them alive as long as any weight is used.
/// `weights` are the .bin of an OpenVINO IR, null when there are none.
std::shared_ptr<graph::Graph> read_bytes(std::span<const std::byte> bytes,
                                         std::shared_ptr<void> owner, MemoryRef weights = {});

}  // namespace coinfer::frontends
