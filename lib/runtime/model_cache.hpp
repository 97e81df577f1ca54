#pragma once

#include <filesystem>
#include <optional>

#include "runtime/compiled.hpp"
#include "runtime/prepared.hpp"

namespace coinfer::runtime {

/// CACHE_DIR: compiled models as files, found again by the model's content and what it is compiled
/// for. A file that is damaged, or of another version, counts as not there; what cannot be written
/// is not kept. *Thread safety*: safe, also with other processes: files are replaced, never
/// changed.
class ModelCache {
 public:
  explicit ModelCache(const Model& model, const Config& config);

  std::optional<Prepared> load() const;
  void store(const Compiled& compiled) const noexcept;

 private:
  const Model& model_;
  std::filesystem::path path_;
  int threads_;
  bool packed_;
};

}  // namespace coinfer::runtime
