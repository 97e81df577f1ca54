#include "module/infer_request.hpp"

#include "coinfer/error.hpp"
#include "coinfer/runtime.hpp"
#include "module/exceptions.hpp"
#include "module/results.hpp"

namespace coinfer::python {

using bridge::GilReleased;
using bridge::PyRef;

PyInferRequest::PyInferRequest(InferRequest request, std::shared_ptr<const PortTable> ports)
    : taken(ports->inputs().size(), Taken::not_set),
      request_{std::move(request)},
      ports_{std::move(ports)} {}

PyInferRequest::~PyInferRequest() {
  const GilReleased released;
  request_ = InferRequest{};
}

void PyInferRequest::check_idle() const {
  check_not_forked();
  request_.check_idle();
  if (pending_callbacks_ > 0 && !request_.current()->abandoned()) {
    throw RequestBusy("the request's callback has not run yet; wait for it first");
  }
}

void PyInferRequest::bind(PyObject* inputs, bool share) {
  check_idle();
  if (inputs == nullptr || inputs == Py_None) {
    return;
  }
  BoundInputs bound;
  parse_inputs(inputs, *ports_, share, &request_, bound);
  set_inputs(request_, bound);
  for (const auto& input : bound) {
    taken[input.index] = input.taken;
  }
}

void PyInferRequest::infer() {
  bool raised = false;
  try {
    const GilReleased released;
    request_.infer([&raised] {
      const bridge::GilTaken taken;
      return raised = raised || PyErr_CheckSignals() != 0;
    });
  } catch (...) {
    if (!raised) {
      throw;
    }
  }
  // Also when the run was granted a stream at that very moment.
  if (raised) {
    throw bridge::PythonError{};
  }
}

/// Nobody has asked for it, and soon nobody can.
void PyInferRequest::tell_callback_error_of_last_run() {
  const auto last = request_.current();
  if (!last || !last->completion.done() || (awaited && !last->abandoned())) {
    return;
  }
  if (auto error = last->take_callback_error()) {
    set_python_error(error);
    PyErr_WriteUnraisable(nullptr);
  }
}

OperationRef PyInferRequest::start(StartOptions options, bool is_awaited) {
  if (pending_callbacks_ > 0) {
    check_idle();
  }
  if (!callback_) {
    auto operation = request_.start(options);
    awaited = is_awaited;
    return operation;
  }
  tell_callback_error_of_last_run();
  auto callback = std::make_unique<RunCallback>();
  callback->call = call;
  callback->after = after;
  callback->request = shared_from_this();
  callback->function = callback_;
  callback->userdata = userdata ? userdata : PyRef::borrow(Py_None);
  callback->with_request = callback_with_request_;
  options.gate = callback.get();
  auto operation = request_.start(options);
  // Its delivery owns it now; that needs the GIL, which is held here: nothing has begun yet.
  [[maybe_unused]] const auto* delivered = callback.release();
  ++pending_callbacks_;
  awaited = is_awaited;
  return operation;
}

OperationRef PyInferRequest::start_with(PyObject* data, StartOptions options, bool is_awaited) {
  // Its end may be code that waits for a request: after the start.
  auto before = std::exchange(userdata, PyRef::borrow(data));
  try {
    return start(options, is_awaited);
  } catch (...) {
    std::swap(userdata, before);
    throw;
  }
}

bool PyInferRequest::wait(std::optional<std::chrono::nanoseconds> timeout) {
  check_not_forked();
  const auto operation = request_.current();
  if (!operation) {
    return true;
  }
  const bool waited = !operation->completion.done();
  if (waited && !bridge::wait_for(operation, timeout)) {
    return false;
  }
  if (auto error = operation->take_callback_error()) {
    std::rethrow_exception(error);
  }
  const bool first = operation->observe();
  if (operation->completion.outcome().error && (waited || first)) {
    std::rethrow_exception(operation->completion.outcome().error);
  }
  return true;
}

boost::python::list PyInferRequest::states() {
  check_idle();
  boost::python::list states;
  for (const auto& state : request_.query_state()) {
    states.append(state);
  }
  return states;
}

void PyInferRequest::reset_state() {
  check_idle();
  request_.reset_state();
}

PyObject* PyInferRequest::results(bool share, bool decode) {
  boost::container::small_vector<Tensor, 4> outputs;
  for (std::size_t i = 0; i < ports_->outputs().size(); ++i) {
    outputs.push_back(request_.output_tensor(i));
  }
  return make_results(*ports_, std::span<const Tensor>{outputs.data(), outputs.size()}, share,
                      decode);
}

void PyInferRequest::set_callback(PyObject* function, bool with_request) {
  check_idle();
  if (function != nullptr && bridge::start_delivery() < 0) {
    throw bridge::PythonError{};
  }
  callback_ = PyRef::borrow(function);
  callback_with_request_ = with_request;
}

int PyInferRequest::traverse(visitproc visit, void* arg) const {
  if (weak_from_this().use_count() == 1) {
    Py_VISIT(callback_.get());
    Py_VISIT(userdata.get());
  }
  return 0;
}

void PyInferRequest::clear_references() {
  const auto callback = std::exchange(callback_, PyRef{});
  const auto data = std::exchange(userdata, PyRef{});
}

PyObject* PyInferRequest::call(bridge::Delivered& self, Operation& operation) {
  auto& callback = static_cast<RunCallback&>(self);
  --callback.request->pending_callbacks_;
  // A run that failed has no results to be called back with; its waiters hear of it.
  if (operation.computed().error) {
    return Py_NewRef(Py_None);
  }
  if (!callback.with_request) {
    return PyObject_CallOneArg(callback.function.get(), callback.userdata.get());
  }
  const auto request = PyRef::steal(wrap_request(callback.request));
  if (!request) {
    return nullptr;
  }
  std::array<PyObject*, 3> arguments{nullptr, request.get(), callback.userdata.get()};
  return PyObject_Vectorcall(callback.function.get(), arguments.data() + 1,
                             2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
}

void PyInferRequest::after(bridge::Delivered& self, Operation&) {
  delete &static_cast<RunCallback&>(self);
}

FoundPort find_port(const PortTable& ports, PyObject* key) {
  if (const auto* port = port_in(key)) {
    const auto& own = (*port)->is_output ? ports.outputs() : ports.inputs();
    if ((*port)->index < own.size() && own[(*port)->index]->names == (*port)->names) {
      return {(*port)->is_output, (*port)->index};
    }
    throw Error(fmt::format("{} is no port of this model", describe_port(**port)));
  }
  if (!PyUnicode_Check(key)) {
    throw_type_error(
        fmt::format("a tensor is named by str or ConstOutput, not by {}", Py_TYPE(key)->tp_name));
  }
  const std::string name = boost::python::extract<std::string>(key);
  for (const auto& port : ports.inputs()) {
    if (port->has_name(name)) {
      return {false, port->index};
    }
  }
  for (const auto& port : ports.outputs()) {
    if (port->has_name(name)) {
      return {true, port->index};
    }
  }
  std::vector<std::string> names;
  for (const auto* list : {&ports.inputs(), &ports.outputs()}) {
    for (const auto& port : *list) {
      names.insert(names.end(), port->names.begin(), port->names.end());
    }
  }
  throw Error(
      fmt::format("the model has no tensor '{}'; it has '{}'", name, fmt::join(names, "', '")));
}

}  // namespace coinfer::python
