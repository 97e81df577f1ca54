#include "frontends/onnx/external_data.hpp"

#include "coinfer/error.hpp"
#include "frontends/mapped_file.hpp"

namespace coinfer::frontends::onnx {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& location, std::string_view why) {
  throw ModelFileError(fmt::format("the external data file '{}' {}", location, why));
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

}  // namespace

MemoryRef ExternalData::open(const std::string& location) {
  if (const auto known = files_.find(location); known != files_.end()) {
    return known->second;
  }
  if (location.empty() || location.find('\0') != std::string::npos) {
    refuse(location.c_str(), "has no usable name");  // up to its first zero byte
  }
  if (folder_.empty()) {
    refuse(location, "cannot be found: the model came as bytes, without a folder");
  }
  const fs::path relative{location};
  if (relative.is_absolute()) {
    refuse(location, "has an absolute path; it must lie in the model's folder");
  }
  if (std::find(relative.begin(), relative.end(), fs::path("..")) != relative.end()) {
    refuse(location, "has '..' in its path; it must lie in the model's folder");
  }
  std::error_code error;
  const auto folder = fs::canonical(folder_, error);
  if (error) {
    refuse(location, fmt::format("cannot be found: '{}': {}", folder_.string(), error.message()));
  }
  const auto path = fs::canonical(folder / relative, error);
  if (error) {
    refuse(location, fmt::format("cannot be opened in '{}': {}", folder.string(), error.message()));
  }
  if (!lies_in(path, folder)) {
    refuse(location, "leads out of the model's folder through a symbolic link");
  }
  auto memory = load_file(path);
  files_.emplace(location, memory);
  return memory;
}

}  // namespace coinfer::frontends::onnx
