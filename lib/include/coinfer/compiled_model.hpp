#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coinfer/infer_request.hpp"
#include "coinfer/model.hpp"
#include "coinfer/property.hpp"

namespace coinfer {

/// A model made ready to run. A handle: copies are the same compiled model.
/// *Thread safety*: shared objects: safe.
class CompiledModel {
 public:
  CompiledModel() = default;
  explicit CompiledModel(std::shared_ptr<runtime::Compiled> impl) : impl_{std::move(impl)} {}

  const std::vector<PortRef>& inputs() const;
  const std::vector<PortRef>& outputs() const;
  PortRef input(std::string_view name) const;
  PortRef output(std::string_view name) const;
  PortRef input(std::size_t index) const;
  PortRef output(std::size_t index) const;

  InferRequest create_infer_request() const;
  /// OpenVINO's properties as they are in force; throws Error naming an unknown one.
  Property get_property(const std::string& name) const;

  const std::shared_ptr<runtime::Compiled>& impl() const { return impl_; }
  friend bool operator==(const CompiledModel&, const CompiledModel&) noexcept = default;

 private:
  std::shared_ptr<runtime::Compiled> impl_;
};

}  // namespace coinfer
