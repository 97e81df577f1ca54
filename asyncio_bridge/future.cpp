#include "asyncio_bridge/future.hpp"

#include <structmember.h>

#include <array>
#include <vector>

namespace coinfer::bridge {

void (*set_python_error)(const std::exception_ptr& error) = nullptr;

namespace {

PyTypeObject* future_type = nullptr;
PyObject* base_cancel = nullptr;      // asyncio.Future.cancel
PyObject* base_set_result = nullptr;  // and so on
PyObject* base_set_exception = nullptr;
PyObject* base_done = nullptr;
PyObject* base_result = nullptr;
PyObject* cancelled_error = nullptr;  // asyncio.CancelledError
PyObject* name_blocking = nullptr;
PyObject* keyword_loop = nullptr;
Py_ssize_t ticket_offset = 0;
std::vector<Ticket*> spare_tickets;
long tickets = 0;
constexpr std::size_t max_spare_tickets = 256;

Ticket*& ticket_of(PyObject* future) {
  return *reinterpret_cast<Ticket**>(reinterpret_cast<char*>(future) + ticket_offset);
}

PyObject* call(PyObject* method, PyObject* self) { return PyObject_CallOneArg(method, self); }

PyObject* call(PyObject* method, PyObject* self, PyObject* argument) {
  PyObject* const arguments[] = {self, argument};
  return PyObject_Vectorcall(method, arguments, 2, nullptr);
}

bool is_true(PyObject* method, PyObject* self) {
  const auto answer = PyRef::steal(call(method, self));
  return answer.get() == Py_True;
}

/// Nobody waits for the future's run any more: it is stopped, or not started.
void give_up(PyObject* self) {
  auto* ticket = ticket_of(self);
  if (ticket == nullptr || !ticket->owns_run) {
    return;
  }
  if (ticket->operation) {
    ticket->operation->abandon();
  } else if (ticket->withdraw != nullptr) {
    ticket->withdraw(*ticket);
  }
}

PyObject* future_cancel(PyObject* self, PyObject* args, PyObject* keywords) {
  const auto with_self = PyRef::steal(PyTuple_New(PyTuple_GET_SIZE(args) + 1));
  if (!with_self) {
    return nullptr;
  }
  Py_INCREF(self);
  PyTuple_SET_ITEM(with_self.get(), 0, self);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
    auto* item = PyTuple_GET_ITEM(args, i);
    Py_INCREF(item);
    PyTuple_SET_ITEM(with_self.get(), i + 1, item);
  }
  auto* answer = PyObject_Call(base_cancel, with_self.get(), keywords);
  if (answer == Py_True) {
    give_up(self);
  }
  return answer;
}

PyObject* future_abandon(PyObject* self, PyObject*) {
  give_up(self);
  Py_RETURN_NONE;
}

// What a task needs to run the future itself: am_send instead of a `send` method, and throw and
// close. With a `send` method it would count as a collections.abc.Coroutine, which asyncio.wait
// refuses.
PySendResult future_send(PyObject* self, PyObject*, PyObject** result) {
  *result = nullptr;
  if (is_true(base_done, self)) {
    *result = call(base_result, self);
    return *result != nullptr ? PYGEN_RETURN : PYGEN_ERROR;
  }
  if (PyErr_Occurred() != nullptr || PyObject_SetAttr(self, name_blocking, Py_True) != 0) {
    return PYGEN_ERROR;
  }
  *result = Py_NewRef(self);
  return PYGEN_NEXT;
}

/// False with an exception set on failure.
bool cancel_unless_done(PyObject* self) {
  if (is_true(base_done, self)) {
    return true;
  }
  if (PyErr_Occurred() != nullptr) {
    return false;
  }
  const auto none = PyRef::steal(PyTuple_New(0));
  return none && PyRef::steal(future_cancel(self, none.get(), nullptr));
}

PyObject* future_throw(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  auto* type = count > 0 ? args[0] : nullptr;
  auto* value = count > 1 ? args[1] : nullptr;
  if (type == nullptr) {
    PyErr_SetString(PyExc_TypeError, "throw() needs an exception");
  } else if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject(PyExceptionInstance_Class(type), type);
  } else if (!PyExceptionClass_Check(type)) {
    PyErr_Format(PyExc_TypeError,
                 "throw() needs a class or an instance derived from BaseException, not %.200s",
                 Py_TYPE(type)->tp_name);
  } else {
    PyErr_SetObject(type, value == Py_None ? nullptr : value);
  }
  // A task that was cancelled before its first step has not asked the future itself.
  if (PyErr_ExceptionMatches(cancelled_error) != 0) {
    PyObject* thrown = nullptr;
    PyObject* trace = nullptr;
    PyErr_Fetch(&type, &thrown, &trace);
    if (cancel_unless_done(self)) {
      PyErr_Restore(type, thrown, trace);
    } else {
      Py_XDECREF(type);
      Py_XDECREF(thrown);
      Py_XDECREF(trace);
    }
  }
  return nullptr;
}

PyObject* future_close(PyObject* self, PyObject*) {
  if (!cancel_unless_done(self)) {
    return nullptr;
  }
  Py_RETURN_NONE;
}

// The type adds no object of its own to what its base owns, but instances own their (heap) type.
int future_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* base = future_type->tp_base;
  if ((base->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) {
    Py_VISIT(Py_TYPE(self));
  }
  return base->tp_traverse(self, visit, arg);
}

int future_clear(PyObject* self) { return future_type->tp_base->tp_clear(self); }

std::array<PyMethodDef, 5> future_methods{{
    {"cancel", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(future_cancel)),
     METH_VARARGS | METH_KEYWORDS,
     "cancel(msg=None)\n\nCancel the await. The inference it owns is dequeued or stopped at its "
     "next step; inputs stay\n"
     "alive until it is idle. False when the future was done."},
    {"_abandon", future_abandon, METH_NOARGS,
     "Ask the inference to stop; the future is not touched."},
    {"throw", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(future_throw)),
     METH_FASTCALL,
     "The coroutine protocol: raises the exception; CancelledError cancels the future."},
    {"close", future_close, METH_NOARGS,
     "The coroutine protocol: cancels a future that is not done."},
    {nullptr, nullptr, 0, nullptr},
}};

void free_ticket(Ticket* ticket) {
  if (ticket->future != nullptr) {
    ticket_of(ticket->future) = nullptr;
    Py_CLEAR(ticket->future);
  }
  if (ticket->done_with != nullptr && ticket->operation) {
    ticket->done_with(*ticket);
  }
  ticket->operation.reset();
  Py_CLEAR(ticket->context);
  --tickets;
  ticket->channel->expect_no_more(ticket->generation);
  if (spare_tickets.size() < max_spare_tickets) {
    spare_tickets.push_back(ticket);
  } else {
    delete ticket;
  }
}

bool is_exit(PyObject* exception_type) {
  return PyErr_GivenExceptionMatches(exception_type, PyExc_KeyboardInterrupt) != 0 ||
         PyErr_GivenExceptionMatches(exception_type, PyExc_SystemExit) != 0;
}

/// False with an exception set on failure. What a future refuses (StopIteration) becomes the cause
/// of a RuntimeError.
bool set_exception(PyObject* future, PyObject* exception) {
  if (PyRef::steal(call(base_set_exception, future, exception))) {
    return true;
  }
  if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) {
    return false;
  }
  PyErr_Clear();
  const auto instead = PyRef::steal(PyObject_CallFunction(
      PyExc_RuntimeError, "s", "the inference raised an exception that a future cannot hold"));
  if (!instead) {
    return false;
  }
  PyException_SetCause(instead.get(), Py_NewRef(exception));
  return static_cast<bool>(PyRef::steal(call(base_set_exception, future, instead.get())));
}

/// Moves the exception that is set into the future.
bool fail_future(PyObject* future) {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != nullptr && value != nullptr) {
    PyException_SetTraceback(value, trace);
  }
  const bool exits = is_exit(type);
  if (value != nullptr) {
    if (!set_exception(future, value)) {
      PyErr_WriteUnraisable(future);
    }
  }
  if (exits) {
    PyErr_Restore(type, value, trace);
    return false;
  }
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  return true;
}

/// On the loop: the run is over, its future is resolved unless somebody cancelled it.
bool resolve(Ticket& ticket) {
  auto* future = ticket.future;
  if (ticket.channel->generation() != ticket.generation || is_true(base_done, future)) {
    PyErr_Clear();
    return true;
  }
  auto& operation = *ticket.operation;
  const auto stamps = operation.stamps();
  ticket.channel->note_run(stamps.delivered - stamps.queued);
  if (operation.trace_id() != 0) {
    static const trace::Text text{"resolve", {}};
    trace::instant(ticket.channel->track(), text, std::chrono::steady_clock::now(),
                   operation.trace_id());
  }
  if (auto callback_error = operation.take_callback_error()) {
    set_python_error(callback_error);
    return fail_future(future);
  }
  const auto& outcome = operation.completion.outcome();
  operation.observe();
  if (outcome.error) {
    set_python_error(outcome.error);
    return fail_future(future);
  }
  const auto value = PyRef::steal(ticket.result(ticket));
  if (!value) {
    return fail_future(future);
  }
  const auto set = PyRef::steal(call(base_set_result, future, value.get()));
  return set ? true : fail_future(future);
}

bool open_ticket(Letter* letter) {
  auto* ticket = static_cast<Ticket*>(letter);
  const bool go_on = resolve(*ticket);
  if (go_on) {
    free_ticket(ticket);
    return true;
  }
  // The exception that stops the loop survives the clean-up.
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  free_ticket(ticket);
  PyErr_Restore(type, value, trace);
  return false;
}

}  // namespace

PyObject* make_future_type() {
  const auto asyncio = PyRef::steal(PyImport_ImportModule("asyncio"));
  if (!asyncio) {
    return nullptr;
  }
  const auto base = PyRef::steal(PyObject_GetAttrString(asyncio.get(), "Future"));
  if (!base) {
    return nullptr;
  }
  base_cancel = PyObject_GetAttrString(base.get(), "cancel");
  base_set_result = PyObject_GetAttrString(base.get(), "set_result");
  base_set_exception = PyObject_GetAttrString(base.get(), "set_exception");
  base_done = PyObject_GetAttrString(base.get(), "done");
  base_result = PyObject_GetAttrString(base.get(), "result");
  cancelled_error = PyObject_GetAttrString(asyncio.get(), "CancelledError");
  if (cancelled_error == nullptr) {
    return nullptr;
  }
  name_blocking = PyUnicode_InternFromString("_asyncio_future_blocking");
  keyword_loop = Py_BuildValue("(s)", "loop");
  auto* base_type = reinterpret_cast<PyTypeObject*>(base.get());
  ticket_offset = base_type->tp_basicsize;
  PyType_Slot slots[] = {
      {Py_tp_methods, future_methods.data()},
      {Py_am_send, reinterpret_cast<void*>(future_send)},
      {Py_tp_traverse, reinterpret_cast<void*>(future_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(future_clear)},
      {Py_tp_doc,
       const_cast<char*>(
           "The future of an inference: an asyncio.Future of the loop that was running when "
           "it was started, also usable as a coroutine.\n\nThread safety: none, as "
           "of every asyncio.Future: use it on its loop.")},
      {0, nullptr},
  };
  PyType_Spec spec{"coinfer.InferFuture",
                   static_cast<int>(ticket_offset + static_cast<Py_ssize_t>(sizeof(Ticket*))), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  const auto bases = PyRef::steal(PyTuple_Pack(1, base.get()));
  auto* made = PyType_FromSpecWithBases(&spec, bases.get());
  future_type = reinterpret_cast<PyTypeObject*>(made);
  return Py_XNewRef(made);  // one is kept for ever
}

PyObject* future_class() noexcept { return reinterpret_cast<PyObject*>(future_type); }

Ticket* new_ticket() {
  auto* channel = Channel::of_running_loop();
  if (channel == nullptr) {
    return nullptr;
  }
  PyObject* const arguments[] = {nullptr, channel->loop()};
  auto* future = PyObject_Vectorcall(reinterpret_cast<PyObject*>(future_type), arguments + 1,
                                     0 | PY_VECTORCALL_ARGUMENTS_OFFSET, keyword_loop);
  if (future == nullptr) {
    return nullptr;
  }
  Ticket* ticket = nullptr;
  if (spare_tickets.empty()) {
    ticket = new Ticket;
    ticket->open = open_ticket;
    ticket->release = [](Garbage* self) noexcept { free_ticket(static_cast<Ticket*>(self)); };
    ticket->quick = true;
    ticket->fire = [](Continuation* self, const Outcome&) noexcept {
      auto* mine = static_cast<Ticket*>(self);
      mine->channel->post(mine);
    };
  } else {
    ticket = spare_tickets.back();
    spare_tickets.pop_back();
  }
  ++tickets;
  ticket->future = future;
  ticket->result = nullptr;
  ticket->data = nullptr;
  ticket->pool = nullptr;
  ticket->flags = 0;
  ticket->owns_run = true;
  ticket->done_with = nullptr;
  ticket->withdraw = nullptr;
  ticket->waiting = nullptr;
  ticket->channel = channel;
  ticket->generation = channel->generation();
  ticket_of(future) = ticket;
  channel->expect();
  return ticket;
}

PyObject* future_of(Ticket& ticket) {
  Py_INCREF(ticket.future);
  return ticket.future;
}

bool is_done(const Ticket& ticket) { return is_true(base_done, ticket.future); }

bool fail_ticket(Ticket* ticket) {
  const bool go_on = fail_future(ticket->future);
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  free_ticket(ticket);
  PyErr_Restore(type, value, trace);
  return go_on;
}

void fire_now(Ticket& ticket) noexcept { ticket.channel->post(&ticket); }

void drop_ticket(Ticket* ticket) { free_ticket(ticket); }

PyObject* completed_future() {
  auto* channel = Channel::of_running_loop();
  if (channel == nullptr) {
    return nullptr;
  }
  PyObject* const arguments[] = {nullptr, channel->loop()};
  auto future =
      PyRef::steal(PyObject_Vectorcall(reinterpret_cast<PyObject*>(future_type), arguments + 1,
                                       0 | PY_VECTORCALL_ARGUMENTS_OFFSET, keyword_loop));
  if (!future) {
    return nullptr;
  }
  const auto set = PyRef::steal(call(base_set_result, future.get(), Py_None));
  return set ? future.release() : nullptr;
}

long live_tickets() noexcept { return tickets; }

}  // namespace coinfer::bridge
