#pragma once

#include <filesystem>
#include <optional>

#include "runtime/compiled.hpp"
#include "runtime/prepared.hpp"

namespace coinfer::runtime {

/// CACHE_DIR: compiled models as files, found again by the model and what it is compiled for. A
/// file that is damaged, or of another version, counts as not there; what cannot be written is not
/// kept. *Thread safety*: safe, also with other processes: files are replaced, never changed.
class ModelCache {
 public:
  /// Of a model in memory: known by its content, and only what the passes made is kept.
  ModelCache(const Model& model, const Config& config);
  /// Of a model file: known by its path and version, and kept whole, so that it need not be read.
  ModelCache(const std::filesystem::path& file, const Config& config);

  std::optional<Prepared> load() const;
  /// What a model file was read from, all of it.
  void set_files(std::vector<frontends::FileVersion> files) { files_ = std::move(files); }
  /// `has_run`: what runs pack is there.
  void store(const Compiled& compiled, bool has_run = false) const noexcept;
  bool exists() const noexcept;
  /// For later: the model may be changed meanwhile.
  ModelCache kept() const;
  bool keeps_packed() const noexcept { return packed_; }

 private:
  ModelCache(const Config& config, Model model);
  const Model* source() const noexcept { return model_ ? &model_ : nullptr; }

  Model model_;  ///< null: of a file
  std::vector<frontends::FileVersion> files_;
  std::filesystem::path path_;
  int threads_;
  bool packed_;
};

}  // namespace coinfer::runtime
