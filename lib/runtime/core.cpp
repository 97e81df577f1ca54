#include "coinfer/core.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "coinfer/error.hpp"
#include "coinfer/node.hpp"
#include "frontends/frontend.hpp"
#include "frontends/mapped_file.hpp"
#include "runtime/compiled.hpp"
#include "runtime/exported_model.hpp"
#include "runtime/model_cache.hpp"
#include "runtime/process.hpp"

namespace coinfer {

namespace {

std::shared_ptr<graph::Graph> read_graph(const Core& core, const std::filesystem::path& path,
                                         const std::filesystem::path& weights) {
  const auto map = std::get<bool>(core.get_property("ENABLE_MMAP").value());
  return frontends::read_file(path, weights, map);
}

}  // namespace

Model Core::read_model(const std::filesystem::path& path,
                       const std::filesystem::path& weights) const {
  return Model{read_graph(*this, path, weights), path.string()};
}

Model Core::read_model(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                       MemoryRef weights) const {
  return Model{frontends::read_bytes(bytes, std::move(owner), std::move(weights))};
}

namespace {

void check(const std::string& device) {
  // Of OpenVINO's devices those that choose among others, or share work, are the CPU with it alone.
  static constexpr std::array<std::string_view, 7> known{
      "", "CPU", "AUTO", "AUTO:CPU", "MULTI:CPU", "HETERO:CPU", "BATCH:CPU"};
  if (std::find(known.begin(), known.end(), device) == known.end()) {
    throw Error(fmt::format("the device '{}' is not available; there is CPU", device));
  }
}

void check(const Model& model, const std::string& device) {
  if (!model) {
    throw Error("a model was expected, a null one came");
  }
  check(device);
}

}  // namespace

std::map<std::string, std::string> Core::query_model(const Model& model,
                                                     const std::string& device) const {
  check(model, device);
  // What is not supported was refused when the model was read.
  std::map<std::string, std::string> nodes;
  for (const auto& node : nodes_of(model)) {
    nodes.emplace(node.friendly_name(), "CPU");
  }
  return nodes;
}

CompiledModel Core::compile_model(const Model& model, const std::string& device,
                                  const Properties& config) const {
  check(model, device);
  return CompiledModel{
      runtime::compile(model, runtime::Config::from(merged(config), runtime::compute_slots()))};
}

CompiledModel Core::compile_model(const std::filesystem::path& path, const std::string& device,
                                  const Properties& config) const {
  check(device);
  const auto parsed = runtime::Config::from(merged(config), runtime::compute_slots());
  if (parsed.cache_directory.empty()) {
    return CompiledModel{runtime::compile(runtime::prepare(read_graph(*this, path, {})), parsed)};
  }
  const auto make = [&](runtime::ModelCache& cache) {
    const frontends::FilesRead read;
    auto prepared = runtime::prepare(read_graph(*this, path, {}));
    cache.set_files(read.files);
    return prepared;
  };
  return CompiledModel{runtime::compile(runtime::ModelCache{path, parsed}, parsed, make)};
}

Properties Core::merged(const Properties& config) const {
  const std::lock_guard lock{mutex_};
  auto all = properties_;
  for (const auto& [name, value] : config) {
    all[name] = value;
  }
  return all;
}

namespace {

CompiledModel imported(const MemoryRef& memory, const Properties& properties) {
  const auto config = runtime::Config::from(properties, runtime::compute_slots());
  auto prepared = runtime::read_exported(memory, nullptr, 1);
  runtime::check_imported(prepared);
  return CompiledModel{runtime::compile(std::move(prepared), config)};
}

}  // namespace

CompiledModel Core::import_model(std::span<const std::byte> bytes, const std::string& device,
                                 const Properties& config) const {
  check(device);
  // Copied, because kernels want weights aligned.
  const auto memory = Memory::allocate(bytes.size());
  std::copy(bytes.begin(), bytes.end(), memory->data());
  return imported(memory, merged(config));
}

CompiledModel Core::import_model(const std::filesystem::path& path, const std::string& device,
                                 const Properties& config) const {
  check(device);
  return imported(frontends::load_file(path), merged(config));
}

Property Core::get_property(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  return runtime::core_property(properties_, name, runtime::compute_slots());
}

void Core::set_property(const Properties& properties) {
  runtime::check_properties(properties);
  const std::lock_guard lock{mutex_};
  for (const auto& [name, value] : properties) {
    properties_[name] = value;
  }
}

}  // namespace coinfer
