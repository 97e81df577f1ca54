#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "coinfer/tensor.hpp"

namespace coinfer::frontends::onnx {

/// Weights in files beside the model. Only files inside the model's folder are opened, also when
/// a path leads out of it through a symbolic link.
class ExternalData {
 public:
  /// No folder: the model came as bytes, and external data are an error.
  ExternalData() = default;
  explicit ExternalData(std::filesystem::path folder) : folder_{std::move(folder)} {}

  /// The content of the file `location`, loaded once. Throws ModelFileError.
  MemoryRef open(const std::string& location);

 private:
  std::filesystem::path folder_;
  std::map<std::string, MemoryRef> files_;
};

}  // namespace coinfer::frontends::onnx
