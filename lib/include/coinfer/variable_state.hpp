#pragma once

#include <memory>
#include <string>

#include "coinfer/tensor.hpp"

namespace coinfer {

namespace runtime {
class Request;
}

/// What a request keeps for one variable of its model from one inference to the next (ReadValue and
/// Assign of OpenVINO's operators). A handle; it keeps its request alive. A failed or cancelled
/// inference changes no state. *Thread safety*: as InferRequest; all but `name` throw RequestBusy
/// while a run is in flight.
class VariableState {
 public:
  VariableState(std::shared_ptr<runtime::Request> request, std::size_t index)
      : request_{std::move(request)}, index_{index} {}

  const std::string& name() const;
  /// A copy of what the variable holds; zeros of the declared shape after a reset.
  Tensor state() const;
  /// Copies the tensor; throws Error naming the variable for a wrong element type or shape.
  void set_state(const Tensor& tensor);
  /// The next inference reads the initial value again.
  void reset();

 private:
  std::shared_ptr<runtime::Request> request_;
  std::size_t index_;
};

}  // namespace coinfer
