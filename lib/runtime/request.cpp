#include "runtime/request.hpp"

#include "coinfer/compiled_model.hpp"
#include "coinfer/error.hpp"
#include "runtime/executor.hpp"
#include "runtime/live.hpp"
#include "runtime/port_check.hpp"
#include "runtime/process.hpp"
#include "runtime/run.hpp"

namespace coinfer::runtime {

namespace {

/// The shape of a tensor before the first run: dynamic extents are 0.
Shape initial_shape(const PartialShape& shape) {
  return shape.is_static() ? shape.to_shape() : shape.min_shape();
}

}  // namespace

Request::Request(std::shared_ptr<Compiled> model)
    : model_{std::move(model)}, states_{model_->graph()} {
  live::requests.fetch_add(1, std::memory_order_relaxed);
  inputs_.resize(model_->inputs().size());
  own_inputs_.resize(inputs_.size());
  for (const auto& port : model_->outputs()) {
    // An output of unknown rank or type gets its tensor by the first run.
    outputs_.push_back(port->type == ElementType::dynamic || !port->shape.has_rank()
                           ? Tensor{}
                           : Tensor{port->type, initial_shape(port->shape)});
  }
  Gate::pass = [](Gate* self, Operation& operation) noexcept {
    auto& request = *static_cast<Request*>(self);
    request.line_->pass(request, operation);
  };
  Owner::ended = [](Owner* self, Operation& operation) noexcept {
    static_cast<Request*>(self)->ended(operation);
  };
}

Request::~Request() { live::requests.fetch_sub(1, std::memory_order_relaxed); }

void Request::check_index(std::size_t index, std::size_t count, const char* what) const {
  if (index >= count) {
    throw Error(fmt::format("{} {} was asked for; the model '{}' has {}", what, index,
                            model_->name(), count));
  }
}

void Request::throw_busy() const {
  throw RequestBusy(fmt::format(
      "the request of model '{}' has an inference in flight; wait for it first", model_->name()));
}

void Request::check_idle_locked() const {
  if (busy_ && !(current_ && latest_locked()->abandoned())) {
    throw_busy();
  }
}

void Request::check_idle() const {
  const std::lock_guard lock{mutex_};
  check_idle_locked();
}

bool Request::busy() const {
  const std::lock_guard lock{mutex_};
  return busy_;
}

OperationRef Request::current() const {
  const std::lock_guard lock{mutex_};
  return latest_locked();
}

Tensor Request::input(std::size_t index) {
  check_index(index, inputs_.size(), "input");
  const std::lock_guard lock{mutex_};
  check_idle_locked();
  if (!inputs_[index]) {
    const auto& port = *model_->inputs()[index];
    own_inputs_[index] =
        Tensor{port.type, port.shape.has_rank() ? initial_shape(port.shape) : Shape{}};
    if (own_inputs_[index].type() != ElementType::string && own_inputs_[index].byte_size() != 0) {
      std::memset(own_inputs_[index].data(), 0, own_inputs_[index].byte_size());
    }
    inputs_[index] = own_inputs_[index];
  }
  return inputs_[index];
}

Tensor Request::output(std::size_t index) {
  check_index(index, outputs_.size(), "output");
  const std::lock_guard lock{mutex_};
  if (busy_) {  // an abandoned run may still write it
    throw_busy();
  }
  if (!outputs_[index]) {
    const auto& port = *model_->outputs()[index];
    const auto type = port.type == ElementType::dynamic ? ElementType::f32 : port.type;
    return Tensor{type, Shape{0}};
  }
  return outputs_[index];
}

void Request::set_input(std::size_t index, Tensor tensor) {
  check_index(index, inputs_.size(), "input");
  check_fits(*model_->inputs()[index], tensor);
  const std::lock_guard lock{mutex_};
  check_idle_locked();
  inputs_[index] = std::move(tensor);
}

Tensor Request::own_input(std::size_t index, const Shape& shape) {
  check_index(index, inputs_.size(), "input");
  const auto& port = *model_->inputs()[index];
  if (!port.shape.contains(shape)) {
    throw Error(fmt::format("{}: a value of shape {} came, {} was expected", title(port),
                            shape.to_string(), port.shape.to_string()));
  }
  const std::lock_guard lock{mutex_};
  check_idle_locked();
  auto& own = own_inputs_[index];
  // An abandoned run may still read the old memory.
  if (!own || busy_) {
    own = Tensor{port.type, shape};
  } else {
    own.set_shape(shape);
  }
  inputs_[index] = own;
  return own;
}

void Request::set_output(std::size_t index, Tensor tensor) {
  check_index(index, outputs_.size(), "output");
  check_fits(*model_->outputs()[index], tensor);
  if (tensor.read_only()) {
    throw Error(fmt::format("{}: a read-only tensor cannot hold results",
                            title(*model_->outputs()[index])));
  }
  const std::lock_guard lock{mutex_};
  check_idle_locked();
  outputs_[index] = std::move(tensor);
}

void Request::set_callback(std::function<void(std::exception_ptr)> callback) {
  const std::lock_guard lock{mutex_};
  check_idle_locked();
  callback_ = std::move(callback);
}

const std::string& Request::variable_name(std::size_t index) const {
  return states_.variable(index).name;
}

Tensor Request::state(std::size_t index) const {
  const std::lock_guard lock{mutex_};
  if (busy_) {  // an abandoned run may still assign it
    throw_busy();
  }
  const auto& value = states_.value(index);
  if (!value) {
    return states_.zeros(index);
  }
  Tensor copy{value.type(), value.shape()};
  value.copy_to(copy);
  return copy;
}

void Request::set_state(std::size_t index, const Tensor& tensor) {
  const std::lock_guard lock{mutex_};
  if (busy_) {
    throw_busy();
  }
  states_.set(index, tensor);
}

void Request::reset_state(std::size_t index) {
  const std::lock_guard lock{mutex_};
  if (busy_) {
    throw_busy();
  }
  states_.reset(index);
}

/// Prepares the Operation of the next run and marks the request busy.
Request::Claim Request::claim(const StartOptions& options, bool inline_run) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_[i] || !model_->inputs()[i]->shape.contains(inputs_[i].shape())) {
      const auto& port = *model_->inputs()[i];
      if (inputs_[i] || port.shape.is_dynamic()) {
        const auto came =
            inputs_[i] ? fmt::format("one of shape {} is set", inputs_[i].shape().to_string())
                       : std::string{"none is set"};
        throw Error(fmt::format("{}: a tensor of shape {} was expected, {}", title(port),
                                port.shape.to_string(), came));
      }
      input(i);
    }
  }
  const std::lock_guard lock{mutex_};
  check_idle_locked();
  if (busy_ && inline_run) {
    throw_busy();
  }
  OperationRef operation;
  if (spare_ && spare_->unique()) {
    operation = std::move(spare_);
    operation->reset();
  } else {
    operation = OperationRef{new Operation{model_}};
  }
  RunFrame::of(*operation).states = states_.size() != 0 ? &states_ : nullptr;
  operation->inputs = inputs_;
  operation->outputs = outputs_;
  operation->publish_copies = options.publish_copies;
  operation->priority = options.priority;
  operation->deadline = options.deadline;
  operation->gate = options.gate;
  if (operation->gate == nullptr && callback_ && !inline_run) {
    operation->gate = this;
  }
  operation->owner = this;
  operation->keep = shared_from_this();
  if (options.operation != nullptr) {
    *options.operation = operation;
  }
  if (options.continuation != nullptr) {
    operation->completion.attach(*options.continuation);
  }
  if (options.second != nullptr) {
    operation->completion.attach(*options.second);
  }
  if (busy_) {
    pending_.push_back(operation);
    return {std::move(operation), false};
  }
  busy_ = true;
  if (current_ && current_->unique()) {
    spare_ = std::move(current_);
  }
  current_ = operation;
  return {std::move(operation), true};
}

void Request::unclaim() noexcept {
  const std::lock_guard lock{mutex_};
  busy_ = false;
  current_ = nullptr;
}

OperationRef Request::start(const StartOptions& options) {
  check_usable();
  auto [operation, starts] = claim(options, false);
  if (!starts) {
    return operation;
  }
  try {
    operation->start();
  } catch (...) {
    unclaim();
    throw;
  }
  return operation;
}

/// Behind an abandoned run that is stopping, as `start`, but by waiting here.
void Request::wait_for_abandoned() {
  OperationRef stopping;
  {
    const std::lock_guard lock{mutex_};
    if (!busy_ || !latest_locked()->abandoned()) {
      return;
    }
    stopping = latest_locked();
  }
  if (!Executor::on_worker()) {
    wait_until_complete(*stopping, std::nullopt, {});
  }
}

OperationRef Request::infer(const std::function<bool()>& interrupted) {
  check_usable();
  wait_for_abandoned();
  auto operation = claim({}, true).operation;
  try {
    operation->run_inline(interrupted);
  } catch (...) {
    unclaim();
    throw;
  }
  return operation;
}

void Request::ended(Operation& operation) noexcept {
  OperationRef next;
  {
    const std::lock_guard lock{mutex_};
    // A run may have made an output's tensor.
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (!outputs_[i]) {
        outputs_[i] = operation.outputs[i];
      }
    }
    if (!pending_.empty()) {
      current_ = std::move(pending_.front());
      pending_.pop_front();
      next = current_;
    } else {
      busy_ = false;
    }
  }
  if (next) {
    try {
      next->start();
    } catch (...) {
      next->fail_unstarted(std::current_exception());
    }
  }
}

void Request::call_back(Operation& operation) noexcept {
  // A copy, because the callback may set another one.
  std::function<void(std::exception_ptr)> callback;
  {
    const std::lock_guard lock{mutex_};
    callback = callback_;
  }
  try {
    if (callback) {
      callback(operation.computed().error);
    }
  } catch (...) {
    operation.set_callback_error(std::current_exception());
  }
  operation.deliver();
}

}  // namespace coinfer::runtime
