#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "coinfer/compiled_model.hpp"
#include "coinfer/model.hpp"
#include "coinfer/property.hpp"

namespace coinfer {

/// Reads and compiles models. *Thread safety*: shared objects: safe.
class Core {
 public:
  /// Reads an ONNX file or an OpenVINO IR; weights stay memory-mapped. `weights` is the .bin of an
  /// IR; when it is empty, the .bin beside the .xml. Throws ModelFileError or Unsupported.
  Model read_model(const std::filesystem::path& path,
                   const std::filesystem::path& weights = {}) const;
  /// The same from memory, which `owner` keeps alive; `weights` are the bytes of an IR's .bin.
  Model read_model(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                   MemoryRef weights = {}) const;

  /// Optimises the model for the CPU. `config` overrides this Core's properties; an unknown
  /// property or value is an Error that names it. Changing the model later changes nothing in the
  /// result.
  CompiledModel compile_model(const Model& model, const std::string& device = "CPU",
                              const Properties& config = {}) const;
  CompiledModel compile_model(const std::filesystem::path& path, const std::string& device = "CPU",
                              const Properties& config = {}) const;

  /// Makes what CompiledModel::export_model wrote ready to run; no pass runs, and weights are there
  /// as kernels want them. Throws ModelFileError for what is damaged, was not written by it, or was
  /// by another version.
  CompiledModel import_model(std::span<const std::byte> bytes, const std::string& device = "CPU",
                             const Properties& config = {}) const;
  /// The same from a file, which stays memory-mapped.
  CompiledModel import_model(const std::filesystem::path& path, const std::string& device = "CPU",
                             const Properties& config = {}) const;

  /// {name of a parameter, operation or result: device} of all that the device can run. Throws
  /// Error for a device that is not there.
  std::map<std::string, std::string> query_model(const Model& model,
                                                 const std::string& device = "CPU") const;

  std::vector<std::string> available_devices() const { return {"CPU"}; }
  Property get_property(const std::string& name) const;
  void set_property(const Properties& properties);

 private:
  Properties merged(const Properties& config) const;

  mutable std::mutex mutex_;
  Properties properties_;
};

}  // namespace coinfer
