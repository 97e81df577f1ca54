#include "coinfer/core.hpp"

#include "coinfer/error.hpp"
#include "frontends/frontend.hpp"
#include "runtime/compiled.hpp"
#include "runtime/process.hpp"

namespace coinfer {

Model Core::read_model(const std::filesystem::path& path) const {
  return Model{frontends::read_file(path), path.string()};
}

Model Core::read_model(std::span<const std::byte> bytes, std::shared_ptr<void> owner) const {
  return Model{frontends::read_bytes(bytes, std::move(owner))};
}

CompiledModel Core::compile_model(const Model& model, const std::string& device,
                                  const Properties& config) const {
  if (!model) {
    throw Error("a model was expected, a null one came");
  }
  if (device != "CPU" && device != "AUTO" && device != "AUTO:CPU" && !device.empty()) {
    throw Error(fmt::format("the device '{}' is not available; there is CPU", device));
  }
  Properties all;
  {
    const std::lock_guard lock{mutex_};
    all = properties_;
  }
  for (const auto& [name, value] : config) {
    all[name] = value;
  }
  return CompiledModel{
      runtime::compile(model, runtime::Config::from(all, runtime::compute_slots()))};
}

CompiledModel Core::compile_model(const std::filesystem::path& path, const std::string& device,
                                  const Properties& config) const {
  return compile_model(read_model(path), device, config);
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
