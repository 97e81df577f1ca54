#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coinfer/tensor.hpp"

namespace coinfer::frontends {

/// Files up to this size are read into memory: what happens to them later does not matter. Larger
/// ones are mapped (docs/decisions/003-model-files-in-memory.md).
inline constexpr std::size_t max_copied_bytes = std::size_t{4} << 20;

/// The content of a regular file, read-only, 64-byte aligned; a large one is memory-mapped
/// (MAP_PRIVATE). The file may be replaced or deleted afterwards. *Thread safety*: safe.
/// Throws ModelFileError that names the path: missing, not readable, a directory, no regular file.
/// `map`: false to read a large file into memory too.
MemoryRef load_file(const std::filesystem::path& path, bool map = true);

/// A file as it was when it was read. `version` tells contents apart: device, inode, size and time
/// of the last change.
struct FileVersion {
  std::string path;
  std::string version;
};
/// Empty when there is no such file.
std::string version_of(const std::filesystem::path& path);

/// While it lives, collects the files that this thread loads. They nest.
class FilesRead {
 public:
  FilesRead();
  ~FilesRead();
  FilesRead(const FilesRead&) = delete;
  FilesRead& operator=(const FilesRead&) = delete;

  std::vector<FileVersion> files;

 private:
  FilesRead* outer_;
};

/// Where mapped memory comes from: a file's version, see FileVersion.
struct PlaceInFile {
  std::string file;
  std::uint64_t offset;
};
/// Nullopt for memory that no file is mapped to. *Thread safety*: safe.
std::optional<PlaceInFile> place_in_file(const void* data);

/// What was read of a mapped file leaves the process's memory, whole pages of it; other memory
/// stays as it is. *Thread safety*: safe; who reads these bytes again gets them from the file.
void drop_pages(std::span<const std::byte> bytes);

/// Copies `from`. Pages of a mapped file that were only read for that leave the process's memory
/// piece by piece: a model's weights are not resident twice. *Thread safety*: safe; who reads these
/// bytes again gets them from the file.
void copy_out(std::span<const std::byte> from, void* to);

inline std::span<const std::byte> bytes_of(const MemoryRef& memory) {
  return {memory->data(), memory->bytes()};
}

}  // namespace coinfer::frontends
