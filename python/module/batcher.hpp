#pragma once

#include <memory>

#include "coinfer/batcher.hpp"
#include "module/compiled_model.hpp"
#include "module/port.hpp"

namespace coinfer::python {

/// A batcher as Python sees it. Everything here needs the GIL.
class PyBatcher {
 public:
  PyBatcher(const PyCompiledModel& model, const BatcherOptions& options)
      : ports_{model.shared_ports()}, batcher_{model.model(), options} {}

  const PortTable& ports() const noexcept { return *ports_; }
  Batcher& batcher() noexcept { return batcher_; }
  const Batcher& batcher() const noexcept { return batcher_; }

  /// Requests that are over, to be used again.
  SpareOperations spare_operations;

 private:
  std::shared_ptr<const PortTable> ports_;
  Batcher batcher_;
};

/// The class _Batcher, of which coinfer.Batcher is a subclass.
void register_batcher();

}  // namespace coinfer::python
