#include "coinfer/variable_state.hpp"

#include "coinfer/infer_request.hpp"
#include "runtime/request.hpp"

namespace coinfer {

const std::string& VariableState::name() const { return request_->variable_name(index_); }
Tensor VariableState::state() const { return request_->state(index_); }
void VariableState::set_state(const Tensor& tensor) { request_->set_state(index_, tensor); }
void VariableState::reset() { request_->reset_state(index_); }

std::vector<VariableState> InferRequest::query_state() const {
  impl_->check_idle();
  std::vector<VariableState> states;
  states.reserve(impl_->variables());
  for (std::size_t i = 0; i < impl_->variables(); ++i) {
    states.emplace_back(impl_, i);
  }
  return states;
}

void InferRequest::reset_state() {
  impl_->check_idle();
  for (std::size_t i = 0; i < impl_->variables(); ++i) {
    impl_->reset_state(i);
  }
}

}  // namespace coinfer
