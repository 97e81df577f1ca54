#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "coinfer/tensor.hpp"

namespace coinfer::frontends {

/// Files up to this size are read into memory: what happens to them later does not matter. Larger
/// ones are mapped (docs/decisions/003-model-files-in-memory.md).
inline constexpr std::size_t max_copied_bytes = std::size_t{4} << 20;

/// The content of a regular file, read-only, 64-byte aligned; a large one is memory-mapped
/// (MAP_PRIVATE). The file may be replaced or deleted afterwards. *Thread safety*: safe.
/// Throws ModelFileError that names the path: missing, not readable, a directory, no regular file.
MemoryRef load_file(const std::filesystem::path& path);

inline std::span<const std::byte> bytes_of(const MemoryRef& memory) {
  return {memory->data(), memory->bytes()};
}

}  // namespace coinfer::frontends
