#include "coinfer/detail/model_run.hpp"

#include "runtime/port_check.hpp"

namespace coinfer::detail {

ModelRun::ModelRun() {
  fire = [](Continuation* continuation, const Outcome& outcome) noexcept {
    auto& run = *static_cast<ModelRun*>(continuation);
    const auto self = std::move(run.self_);
    run.run_->observe();
    run.ended();
    run.handler_.complete(outcome.error,
                          outcome.error ? std::vector<Tensor>{} : std::move(run.run_->outputs));
  };
}

void ModelRun::prepare(const std::shared_ptr<runtime::Compiled>& model,
                       std::vector<Tensor> inputs) {
  runtime::check_inputs(*model, inputs);
  run_ = OperationRef{new Operation{model}};
  run_->inputs = std::move(inputs);
  run_->outputs.resize(model->outputs().size());
  run_->completion.attach(*this);
}

bool ModelRun::start() noexcept {
  self_ = shared_from_this();
  try {
    run_->start();
    return true;
  } catch (...) {
    const auto self = std::move(self_);
    fail(std::current_exception());
    return false;
  }
}

void ModelRun::cancel() noexcept {
  if (run_) {
    run_->cancel();
  }
}

void ModelRun::fail(std::exception_ptr error) noexcept {
  handler_.complete_later(std::move(error), std::vector<Tensor>{});
}

}  // namespace coinfer::detail
