#include "module/async.hpp"

#include <atomic>

#include "asyncio_bridge/delivery.hpp"
#include "asyncio_bridge/future.hpp"
#include "coinfer/error.hpp"
#include "coinfer/runtime.hpp"
#include "module/exceptions.hpp"
#include "module/inputs.hpp"
#include "module/results.hpp"

namespace coinfer::python {
namespace {

using bridge::PyRef;
using bridge::Ticket;

enum TicketFlags : std::uint32_t { share_flag = 1, decode_flag = 2 };

PyObject* arm_deadline = nullptr;  // coinfer.deadline.arm, imported when first needed; never freed

constexpr std::size_t max_spare_operations = 256;

/// `coinfer.InferFuture`, borrowed; made when first needed, because most of the time of an import
/// would be asyncio's.
PyObject* future_class() {
  if (bridge::future_class() == nullptr) {
    const auto made = PyRef::steal(checked(bridge::make_future_type()));
  }
  return bridge::future_class();
}

/// Tasks learn the type before its first instance is seen, so that they run it like a coroutine.
void teach_tasks() {
  static bool taught = false;
  if (!taught) {
    auto* type = future_class();
    taught = true;
    const auto module = PyRef::steal(checked(PyImport_ImportModule("coinfer.tasks")));
    const auto done = PyRef::steal(checked(PyObject_CallMethod(module.get(), "teach", "O", type)));
  }
}

bridge::Ticket* checked_ticket() {
  teach_tasks();
  auto* ticket = bridge::new_ticket();
  if (ticket == nullptr) {
    throw bridge::PythonError{};
  }
  return ticket;
}

void set_flags(Ticket& ticket, PyObject* owner, const PortTable& ports, const AsyncCall& call) {
  ticket.flags = (call.share_outputs ? share_flag : 0U) | (call.decode_strings ? decode_flag : 0U);
  ticket.context = Py_NewRef(owner);
  ticket.data = &ports;
}

PyObject* results_of(Ticket& ticket, std::span<const Tensor> outputs, bool share) {
  try {
    return make_results(*static_cast<const PortTable*>(ticket.data), outputs, share,
                        (ticket.flags & decode_flag) != 0);
  } catch (...) {
    set_python_error(std::current_exception());
    return nullptr;
  }
}

/// Of a request: views of its output memory when shared, else the copies that the run published.
PyObject* request_results(Ticket& ticket) {
  const auto& operation = *ticket.operation;
  return (ticket.flags & share_flag) != 0 ? results_of(ticket, operation.outputs, true)
                                          : results_of(ticket, operation.published, true);
}

/// Of a run without a request: its outputs are nobody else's.
PyObject* model_results(Ticket& ticket) {
  return results_of(ticket, ticket.operation->outputs, true);
}

PyObject* no_results(Ticket&) { Py_RETURN_NONE; }

void recycle(Ticket& ticket) {
  auto& spare = *static_cast<SpareOperations*>(ticket.pool);
  auto operation = std::move(ticket.operation);
  // Not unique while the worker that ran it has not let go: then it is simply freed.
  if (spare.size() < max_spare_operations && operation->unique()) {
    operation->outputs.assign(operation->outputs.size(), Tensor{});
    spare.push_back(std::move(operation));
  }
}

struct Deadline {
  PyRef seconds;  ///< a float; null without a deadline
  std::optional<std::chrono::steady_clock::time_point> time;
};

PyObject* with_deadline(PyRef future, const Deadline& deadline) {
  if (!deadline.seconds) {
    return future.release();
  }
  const auto armed = PyRef::steal(
      PyObject_CallFunctionObjArgs(arm_deadline, future.get(), deadline.seconds.get(), nullptr));
  return armed ? future.release() : nullptr;
}

/// Checked before anything is started. The runtime stops the run by itself at the deadline; the
/// timer of the loop (`with_deadline`) fails the await at once, and while it waits for a slot.
Deadline check_timeout(PyObject* timeout) {
  Deadline deadline;
  if (timeout == nullptr || timeout == Py_None) {
    return deadline;
  }
  const double seconds = PyFloat_AsDouble(timeout);
  if (seconds == -1.0 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  if (!(seconds >= 0)) {
    throw_value_error(
        fmt::format("timeout is {} seconds; a number >= 0 or None was expected", seconds));
  }
  if (arm_deadline == nullptr) {
    const auto module = PyRef::steal(checked(PyImport_ImportModule("coinfer.deadline")));
    arm_deadline = checked(PyObject_GetAttrString(module.get(), "arm"));
  }
  deadline.seconds = PyRef::steal(checked(PyFloat_FromDouble(seconds)));
  constexpr double years = 1e8;
  if (seconds <= years) {
    deadline.time = std::chrono::steady_clock::now() +
                    std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
  }
  return deadline;
}

/// Before a run with a callback is awaited.
void check_may_await() {
  if (bridge::on_delivery_thread()) {
    throw Error(
        "a callback awaits a run that can only be over after this callback has returned; return "
        "from it, or await on another thread");
  }
}

void fill_inputs(Operation& operation, const PortTable& ports, const AsyncCall& call) {
  BoundInputs bound;
  parse_inputs(call.inputs, ports, call.share_inputs, nullptr, bound);
  operation.inputs.assign(ports.inputs().size(), Tensor{});
  for (auto& input : bound) {
    operation.inputs[input.index] = std::move(input.tensor);
  }
  for (std::size_t i = 0; i < operation.inputs.size(); ++i) {
    if (!operation.inputs[i]) {
      throw Error(fmt::format("{} was not given: a run of its own needs every input",
                              describe_port(*ports.inputs()[i])));
    }
  }
}

/// The module's attributes that are made when first asked for.
boost::python::object attribute_of_module(const std::string& name) {
  if (name != "InferFuture") {
    throw_attribute_error(fmt::format("module 'coinfer._coinfer' has no attribute '{}'", name));
  }
  return boost::python::object{boost::python::handle<>(boost::python::borrowed(future_class()))};
}

}  // namespace

void register_async() {
  bridge::set_python_error = [](const std::exception_ptr& error) { set_python_error(error); };
  boost::python::def("__getattr__", attribute_of_module, boost::python::arg("name"));
}

int priority_of(PyObject* value) {
  if (value == nullptr) {
    return 0;
  }
  const long priority = PyLong_AsLong(value);
  if (priority == -1 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  if (priority < -1000 || priority > 1000) {
    throw_value_error(fmt::format("priority is {}; -1000 to 1000 was expected", priority));
  }
  return static_cast<int>(priority);
}

PyObject* infer_async(PyObject* owner, PyInferRequest& request, const AsyncCall& call,
                      PyObject* userdata) {
  bridge::empty_garbage();
  if (request.has_callback()) {
    check_may_await();
  }
  request.check_idle();
  // What may refuse the call comes before what changes the request.
  const auto deadline = check_timeout(call.timeout);
  auto* ticket = checked_ticket();
  set_flags(*ticket, owner, request.ports(), call);
  ticket->result = request_results;
  auto future = PyRef::steal(bridge::future_of(*ticket));
  try {
    request.bind(call.inputs, call.share_inputs);
    request.start_with(userdata == nullptr ? request.userdata.get() : userdata,
                       {.publish_copies = !call.share_outputs,
                        .priority = call.priority,
                        .deadline = deadline.time,
                        .continuation = ticket,
                        .operation = &ticket->operation},
                       true);
  } catch (...) {
    bridge::drop_ticket(ticket);
    throw;
  }
  return with_deadline(std::move(future), deadline);
}

namespace {

/// A run with inputs and outputs of its own, started by `start`. `spare` must live as long as
/// `owner`.
template <class Start>
PyObject* infer_alone(PyObject* owner, const PortTable& ports, SpareOperations& spare,
                      const AsyncCall& call, Start start) {
  bridge::empty_garbage();
  check_not_forked();
  const auto deadline = check_timeout(call.timeout);
  OperationRef operation;
  if (spare.empty()) {
    operation = OperationRef{new Operation{ports.model().impl()}};
    operation->outputs.resize(ports.outputs().size());
  } else {
    operation = std::move(spare.back());
    spare.pop_back();
    operation->reset();
  }
  fill_inputs(*operation, ports, call);
  operation->priority = call.priority;
  operation->deadline = deadline.time;
  auto* ticket = checked_ticket();
  set_flags(*ticket, owner, ports, call);
  ticket->result = model_results;
  ticket->done_with = recycle;
  ticket->pool = &spare;
  ticket->operation = operation;
  auto future = PyRef::steal(bridge::future_of(*ticket));
  try {
    operation->completion.attach(*ticket);
    start(operation);
  } catch (...) {
    ticket->done_with = nullptr;
    bridge::drop_ticket(ticket);
    throw;
  }
  // The ticket's alone, so that it can be used again.
  operation.reset();
  return with_deadline(std::move(future), deadline);
}

}  // namespace

PyObject* infer_async(PyObject* owner, const PortTable& ports, SpareOperations& spare,
                      const AsyncCall& call) {
  return infer_alone(owner, ports, spare, call,
                     [](const OperationRef& operation) { operation->start(); });
}

PyObject* infer_async(PyObject* owner, PyBatcher& batcher, const AsyncCall& call) {
  return infer_alone(
      owner, batcher.ports(), batcher.spare_operations, call,
      [&batcher](const OperationRef& operation) { batcher.batcher().start(operation); });
}

PyObject* await_operation(PyObject* owner, OperationRef operation) {
  bridge::empty_garbage();
  auto* ticket = checked_ticket();
  ticket->context = Py_NewRef(owner);
  ticket->result = no_results;
  ticket->owns_run = false;
  ticket->operation = std::move(operation);
  auto future = PyRef::steal(bridge::future_of(*ticket));
  if (!ticket->operation->completion.attach(*ticket)) {
    // Over already: reported by the loop's next turn.
    bridge::fire_now(*ticket);
  }
  return future.release();
}

namespace {

/// An awaited run that waits for a request of a queue. Once there is one, a letter to its loop
/// begins it, or whoever blocks on the queue meanwhile. Under the GIL, but for `given`.
struct Application : bridge::Letter, IdleSlots::Applicant {
  Ticket* ticket = nullptr;            // null once it has begun, failed or was withdrawn
  PyAsyncInferQueue* queue = nullptr;  // kept alive by the ticket's context
  std::shared_ptr<IdleSlots> slots;
  BoundInputs bound;
  PyRef userdata;
  StartOptions options;
  std::exception_ptr error;         // to be told on the loop
  bool beginning = false;           // off the loop
  bool letter_gone = false;         // opened or discarded while it began
  std::atomic<bool> posted{false};  // the letter is on its way
  bridge::Channel* channel = nullptr;

  void post() noexcept {
    if (!posted.exchange(true, std::memory_order_acq_rel)) {
      channel->post(this);
    }
  }
};

void start_on_slot(PyAsyncInferQueue& queue, std::size_t slot, Ticket& ticket, StartOptions options,
                   PyObject* userdata) {
  options.continuation = &ticket;
  options.second = &queue.idle().end_of_run(slot);
  options.operation = &ticket.operation;
  queue.requests()[slot]->start_with(userdata == nullptr ? Py_None : userdata, options, true);
}

/// The slot is there, and claimed. Any thread: an error is left for the loop.
void begin(Application& application) {
  auto& queue = *application.queue;
  auto& ticket = *application.ticket;
  try {
    if (!queue.settle(application.slot)) {
      application.slots->apply(application);
      return;
    }
    set_inputs(queue.requests()[application.slot]->request(), application.bound);
    ticket.withdraw = nullptr;
    start_on_slot(queue, application.slot, ticket, application.options, application.userdata.get());
    application.ticket = nullptr;
  } catch (...) {
    application.slots->not_started(application.slot);
    application.error = std::current_exception();
  }
}

/// Ends an application that nothing waits for, unless its letter is still on its way.
void free_if_over(Application& application) {
  if (application.ticket == nullptr && !application.posted.load(std::memory_order_acquire)) {
    delete &application;
  }
}

/// Its future was cancelled, or its deadline has passed.
void withdraw(Ticket& ticket) {
  auto& application = *static_cast<Application*>(ticket.waiting);
  if (application.slots->withdraw(application)) {
    application.ticket = nullptr;
    bridge::drop_ticket(&ticket);
    free_if_over(application);
  }
}

/// The letter arrived where nobody listens any more: the loop is gone, or the future is done.
void release_application(bridge::Garbage* garbage) noexcept {
  auto& application = *static_cast<Application*>(garbage);
  application.posted.store(false, std::memory_order_release);
  if (application.beginning) {
    application.letter_gone = true;
    return;
  }
  if (application.ticket != nullptr &&
      (application.slots->withdraw(application) || application.error)) {
    bridge::drop_ticket(std::exchange(application.ticket, nullptr));
  }
  free_if_over(application);
}

/// On the loop. False when the loop must stop.
bool open_application(bridge::Letter* letter) {
  auto& application = *static_cast<Application*>(letter);
  const auto* ticket = application.ticket;
  if (ticket == nullptr || application.beginning ||
      ticket->channel->generation() != ticket->generation || bridge::is_done(*ticket)) {
    PyErr_Clear();
    release_application(&application);
    return true;
  }
  application.posted.store(false, std::memory_order_release);
  bool go_on = true;
  if (application.slots->claim(application)) {
    begin(application);
  }
  if (application.error) {
    set_python_error(application.error);
    go_on = bridge::fail_ticket(std::exchange(application.ticket, nullptr));
  }
  free_if_over(application);
  return go_on;
}

/// By a thread that blocks on the queue.
void begin_off_the_loop(Application& application) {
  application.beginning = true;
  begin(application);
  application.beginning = false;
  const bool letter_gone = std::exchange(application.letter_gone, false);
  if (application.error) {
    application.post();
  } else if (letter_gone) {
    free_if_over(application);
  }
}

}  // namespace

PyObject* infer_async(PyObject* owner, PyAsyncInferQueue& queue, const AsyncCall& call,
                      PyObject* userdata) {
  bridge::empty_garbage();
  check_not_forked();
  if (queue.has_callback()) {
    check_may_await();
  }
  const auto deadline = check_timeout(call.timeout);
  auto application = std::make_unique<Application>();
  parse_inputs(call.inputs, queue.ports(), call.share_inputs, nullptr, application->bound);
  auto* ticket = checked_ticket();
  set_flags(*ticket, owner, queue.ports(), call);
  ticket->result = request_results;
  auto future = PyRef::steal(bridge::future_of(*ticket));
  application->options = {
      .publish_copies = !call.share_outputs, .priority = call.priority, .deadline = deadline.time};
  if (const auto slot = queue.idle().try_take(); slot && queue.settle(*slot)) {
    try {
      set_inputs(queue.requests()[*slot]->request(), application->bound);
      start_on_slot(queue, *slot, *ticket, application->options, userdata);
    } catch (...) {
      queue.idle().not_started(*slot);
      bridge::drop_ticket(ticket);
      throw;
    }
    return with_deadline(std::move(future), deadline);
  }
  application->ticket = ticket;
  application->queue = &queue;
  application->slots = queue.idle().shared_from_this();
  application->userdata = PyRef::borrow(userdata);
  application->channel = ticket->channel;
  application->open = open_application;
  application->release = release_application;
  application->given = [](IdleSlots::Applicant* self) noexcept {
    static_cast<Application*>(self)->post();
  };
  application->begin = [](IdleSlots::Applicant* self) {
    begin_off_the_loop(*static_cast<Application*>(self));
  };
  ticket->withdraw = withdraw;
  ticket->waiting = application.get();
  queue.idle().apply(*application.release());
  return with_deadline(std::move(future), deadline);
}

PyObject* observe(PyObject* owner, PyInferRequest& request) {
  bridge::empty_garbage();
  const auto operation = request.request().current();
  if (operation && !(operation->completion.done() && !operation->unreported_error())) {
    check_not_forked();
    if (operation->gate != nullptr && !operation->completion.done()) {
      check_may_await();
    }
    return await_operation(owner, operation);
  }
  teach_tasks();
  return checked(bridge::completed_future());
}

}  // namespace coinfer::python
