#pragma once

#include <memory>
#include <vector>

#include "coinfer/compiled_model.hpp"
#include "module/infer_request.hpp"
#include "module/port.hpp"

namespace coinfer::python {

/// Runs of a compiled model that are over and may be used again. Under the GIL.
using SpareOperations = std::vector<OperationRef>;

/// A compiled model as Python sees it, with the requests of its calls. Everything here needs the
/// GIL.
class PyCompiledModel {
 public:
  explicit PyCompiledModel(CompiledModel model)
      : ports_{std::make_shared<const PortTable>(std::move(model))} {}
  explicit PyCompiledModel(std::shared_ptr<const PortTable> ports) : ports_{std::move(ports)} {}

  const CompiledModel& model() const noexcept { return ports_->model(); }
  const PortTable& ports() const noexcept { return *ports_; }
  const std::shared_ptr<const PortTable>& shared_ports() const noexcept { return ports_; }

  PyInferRequestRef create_request() const;

  /// An idle request of this model's pool: the one given back last, else a new one.
  PyInferRequestRef take_request();
  /// For the next `take_request`. It may have a run in flight only when that was abandoned.
  void give_back(PyInferRequestRef request) { idle_.push_back(std::move(request)); }

  /// Runs of `infer_async` that are over, to be used again.
  SpareOperations spare_operations;

 private:
  std::shared_ptr<const PortTable> ports_;
  std::vector<PyInferRequestRef> idle_;
};

/// A request of the pool for the length of a call.
class PooledRequest {
 public:
  explicit PooledRequest(PyCompiledModel& model) : model_{model}, request_{model.take_request()} {}
  ~PooledRequest() { model_.give_back(std::move(request_)); }
  PooledRequest(const PooledRequest&) = delete;
  PooledRequest& operator=(const PooledRequest&) = delete;
  PyInferRequest* operator->() const noexcept { return request_.get(); }

 private:
  PyCompiledModel& model_;
  PyInferRequestRef request_;
};

/// The class CompiledModel.
void register_compiled_model();

}  // namespace coinfer::python
