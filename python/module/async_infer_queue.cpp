#include "module/async_infer_queue.hpp"

#include "asyncio_bridge/gil_turns.hpp"
#include "coinfer/error.hpp"
#include "coinfer/runtime.hpp"
#include "module/construct.hpp"
#include "module/cycles.hpp"
#include "module/exceptions.hpp"
#include "module/hot_method.hpp"
#include "module/infer_arguments.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

}  // namespace

IdleSlots::IdleSlots(std::size_t count) : slots_(count) {
  for (std::size_t i = 0; i < count; ++i) {
    slots_[i].index = i;
    slots_[i].quick = true;
    slots_[i].fire = [](Continuation* self, const Outcome&) noexcept {
      auto& slot = *static_cast<Slot*>(self);
      const auto owner = std::move(slot.owner);
      owner->give_back(slot.index);
    };
    idle_.push_back(i);
  }
}

/// Whoever blocks does what loops would do that may never turn again: their applicants' slots are
/// not idle before they were used. Needs the GIL.
void IdleSlots::begin_given() {
  bridge::empty_garbage();
  for (;;) {
    Applicant* applicant = nullptr;
    {
      const std::lock_guard lock{mutex_};
      if (given_.empty()) {
        return;
      }
      applicant = given_.front();
      given_.pop_front();
    }
    applicant->begin(applicant);
  }
}

void IdleSlots::tell_blocked() noexcept {
  changes_.fetch_add(1, std::memory_order_release);
  changed_.notify_all();
}

template <class Ready>
void IdleSlots::block(bool callbacks_pending, Ready ready) {
  check_not_forked();
  for (;;) {
    begin_given();
    std::unique_lock lock{mutex_};
    if (ready()) {
      return;
    }
    if (callbacks_pending && bridge::on_delivery_thread()) {
      throw Error(
          "a callback of the queue waits for a request that can only be idle after callbacks have "
          "returned");
    }
    const auto seen = changes_.load(std::memory_order_relaxed);
    lock.unlock();
    check_not_forked();
    {
      const bridge::GilPassed passed{bridge::GilSide::starter};
      bridge::wait_awake([&] { return changes_.load(std::memory_order_acquire) != seen; });
      lock.lock();
      changed_.wait_for(lock, std::chrono::milliseconds{100},
                        [&] { return ready() || !given_.empty(); });
      lock.unlock();
    }
    if (PyErr_CheckSignals() != 0) {
      throw bridge::PythonError{};
    }
  }
}

std::size_t IdleSlots::take(bool callbacks_pending) {
  for (;;) {
    block(callbacks_pending, [this] { return !idle_.empty(); });
    // Another thread may have been faster.
    const std::lock_guard lock{mutex_};
    if (!idle_.empty()) {
      const auto slot = idle_.front();
      idle_.pop_front();
      return slot;
    }
  }
}

std::size_t IdleSlots::peek(bool callbacks_pending) {
  for (;;) {
    block(callbacks_pending, [this] { return !idle_.empty(); });
    const std::lock_guard lock{mutex_};
    if (!idle_.empty()) {
      return idle_.front();
    }
  }
}

void IdleSlots::wait_all(bool callbacks_pending) {
  block(callbacks_pending, [this] { return idle_.size() == slots_.size(); });
}

bool IdleSlots::ready() const {
  check_not_forked();
  const std::lock_guard lock{mutex_};
  return !idle_.empty();
}

std::optional<std::size_t> IdleSlots::try_take() {
  const std::lock_guard lock{mutex_};
  if (idle_.empty() || !applicants_.empty()) {
    return std::nullopt;
  }
  const auto slot = idle_.front();
  idle_.pop_front();
  return slot;
}

void IdleSlots::apply(Applicant& applicant) {
  {
    const std::lock_guard lock{mutex_};
    if (idle_.empty()) {
      applicants_.push_back(&applicant);
      return;
    }
    applicant.slot = idle_.front();
    idle_.pop_front();
    given_.push_back(&applicant);
  }
  applicant.given(&applicant);
  tell_blocked();
}

void IdleSlots::give_back(std::size_t slot) noexcept {
  Applicant* applicant = nullptr;
  {
    const std::lock_guard lock{mutex_};
    if (applicants_.empty()) {
      idle_.push_back(slot);
    } else {
      applicant = applicants_.front();
      applicants_.pop_front();
      applicant->slot = slot;
      given_.push_back(applicant);
    }
  }
  if (applicant != nullptr) {
    applicant->given(applicant);
  }
  tell_blocked();
}

bool IdleSlots::claim(Applicant& applicant) noexcept {
  const std::lock_guard lock{mutex_};
  return std::erase(given_, &applicant) != 0;
}

bool IdleSlots::withdraw(Applicant& applicant) noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (std::erase(applicants_, &applicant) != 0) {
      return true;
    }
  }
  if (claim(applicant)) {
    give_back(applicant.slot);
    return true;
  }
  return false;
}

Continuation& IdleSlots::end_of_run(std::size_t slot) noexcept {
  slots_[slot].owner = shared_from_this();
  return slots_[slot];
}

void IdleSlots::forget_run(std::size_t slot) noexcept { slots_[slot].owner.reset(); }

void IdleSlots::not_started(std::size_t slot) noexcept {
  forget_run(slot);
  give_back(slot);
}

PyAsyncInferQueue::PyAsyncInferQueue(const PyCompiledModel& model, std::int64_t jobs) {
  if (jobs < 0) {
    throw_type_error(fmt::format("an AsyncInferQueue has a number of jobs >= 0, not {}", jobs));
  }
  if (jobs == 0) {
    const auto property = model.model().get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS");
    const auto* number = std::get_if<std::int64_t>(&property.value());
    jobs = number != nullptr ? std::max<std::int64_t>(*number, 1) : 1;
  }
  for (std::int64_t i = 0; i < jobs; ++i) {
    requests_.push_back(model.create_request());
    requests_.back()->of_queue = true;
  }
  idle_ = std::make_shared<IdleSlots>(requests_.size());
}

void PyAsyncInferQueue::collect_error(PyInferRequest& request) {
  const auto operation = request.request().current();
  if (!operation || !operation->completion.done()) {
    return;
  }
  if (request.awaited) {
    operation->observe();
    if (!operation->abandoned()) {
      return;  // its future tells
    }
  }
  try {
    request.wait(std::nullopt);
  } catch (const Cancelled&) {
    // Whoever cancels all of them wants to hear of it once.
    if (!error_) {
      error_ = std::current_exception();
    }
  } catch (...) {
    if (!error_) {
      error_ = std::current_exception();
      return;
    }
    set_python_error(std::current_exception());
    PyErr_WriteUnraisable(nullptr);
  }
}

bool PyAsyncInferQueue::settle(std::size_t slot) {
  auto& request = *requests_[slot];
  const auto operation = request.request().current();
  if (operation && !operation->completion.done()) {
    // A user started the request himself, in its callback.
    if (operation->completion.attach(idle_->end_of_run(slot))) {
      return false;
    }
    idle_->forget_run(slot);
  }
  collect_error(request);
  return true;
}

std::size_t PyAsyncInferQueue::take() {
  for (;;) {
    const auto slot = idle_->take(has_callback());
    if (settle(slot)) {
      return slot;
    }
  }
}

void PyAsyncInferQueue::start_async(PyObject* inputs, PyObject* userdata, bool share) {
  const auto slot = take();
  // Once started, the run keeps what it needs; this call keeps the request.
  const auto request = requests_[slot];
  try {
    request->bind(inputs, share);
    request->start_with(userdata == nullptr ? Py_None : userdata,
                        {.continuation = &idle_->end_of_run(slot)});
  } catch (...) {
    idle_->not_started(slot);
    throw;
  }
}

void PyAsyncInferQueue::wait_all() {
  idle_->wait_all(has_callback());
  for (const auto& request : requests_) {
    const auto operation = request->request().current();
    if (operation && !operation->completion.done()) {
      bridge::wait_for(operation, std::nullopt);
    }
    collect_error(*request);
  }
  if (error_) {
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void PyAsyncInferQueue::set_callback(PyObject* function) {
  for (const auto& request : requests_) {
    request->check_idle();
  }
  for (const auto& request : requests_) {
    request->set_callback(function, true);
  }
}

int PyAsyncInferQueue::traverse(visitproc visit, void* arg) const {
  for (const auto& request : requests_) {
    if (const int stop = request->traverse(visit, arg)) {
      return stop;
    }
  }
  return 0;
}

void PyAsyncInferQueue::clear_references() {
  for (const auto& request : requests_) {
    request->clear_references();
  }
}

namespace {

constexpr const char* start_async_doc =
    R"(start_async($self, /, inputs=None, userdata=None, share_inputs=False)
--

Waits until a request is idle, gives it the inputs (as for InferRequest.infer) and starts it. `userdata`
is what the callback is called with; with `share_inputs` C-contiguous arrays of the input's element type are read
where they are, kept alive meanwhile, and must not be changed before.

Raises for inputs TypeError, RuntimeError and ValueError as InferRequest.infer does, and RuntimeError in a callback when
no request is idle, since it would have to return first. What an inference or the callback raises, the next `wait_all`
raises. Ctrl-C interrupts the wait. Thread safety: any number of threads at once.)";

PyObject* start_async(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    const auto given = StartArguments::parse("AsyncInferQueue.start_async", args, count, keywords);
    self_as<PyAsyncInferQueue>(self).start_async(given.inputs, given.userdata, given.share_inputs);
    return Py_NewRef(Py_None);
  });
}

void init_queue(const bp::object& self, const bp::object& model, const bp::object& jobs) {
  const bp::extract<const PyCompiledModel&> compiled{model};
  if (!compiled.check()) {
    throw_type_error(fmt::format("an AsyncInferQueue is made of a CompiledModel, not of {}",
                                 Py_TYPE(model.ptr())->tp_name));
  }
  if (!PyIndex_Check(jobs.ptr())) {
    throw_type_error(fmt::format("an AsyncInferQueue has a number of jobs, not {}",
                                 Py_TYPE(jobs.ptr())->tp_name));
  }
  const auto count = PyNumber_AsSsize_t(jobs.ptr(), PyExc_OverflowError);
  if (count == -1 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  install_pointer(self, boost::make_shared<PyAsyncInferQueue>(compiled(), count));
}

void set_callback(PyAsyncInferQueue& self, const bp::object& callback) {
  if (PyCallable_Check(callback.ptr()) == 0) {
    throw_type_error(
        fmt::format("a callback is callable; {} is not", Py_TYPE(callback.ptr())->tp_name));
  }
  self.set_callback(callback.ptr());
}

std::size_t length(const PyAsyncInferQueue& self) { return self.requests().size(); }

PyInferRequestRef item(const PyAsyncInferQueue& self, const bp::object& given) {
  if (!PyIndex_Check(given.ptr())) {
    throw_type_error(
        fmt::format("the index of a request is an int, not {}", Py_TYPE(given.ptr())->tp_name));
  }
  const auto index = PyNumber_AsSsize_t(given.ptr(), PyExc_TypeError);
  if (index == -1 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  const auto size = static_cast<Py_ssize_t>(self.requests().size());
  if (index < 0) {
    throw_type_error(fmt::format("the index of a request is an int >= 0; {} was given", index));
  }
  if (index >= size) {
    throw_index_error(
        fmt::format("the queue has {} requests; there is no request {}", size, index));
  }
  return self.requests()[static_cast<std::size_t>(index)];
}

bp::object iterate(const PyAsyncInferQueue& self) {
  bp::list requests;
  for (const auto& request : self.requests()) {
    requests.append(request);
  }
  return bp::object{bp::handle<>(PyObject_GetIter(requests.ptr()))};
}

bp::list userdata(const PyAsyncInferQueue& self) {
  bp::list values;
  for (const auto& request : self.requests()) {
    auto* value = request->userdata ? request->userdata.get() : Py_None;
    values.append(bp::object{bp::handle<>(bp::borrowed(value))});
  }
  return values;
}

}  // namespace

void register_async_infer_queue() {
  bp::class_<PyAsyncInferQueue, boost::shared_ptr<PyAsyncInferQueue>, boost::noncopyable> type{
      "AsyncInferQueue",
      "A pool of requests that are started whenever one is idle. AsyncInferQueue(model, jobs=0): "
      "`jobs` requests, 0\n"
      "for as many as run best. Thread safety: `start_async` and `wait_all` may be called from "
      "several threads.",
      bp::no_init};
  type.def("__init__", &init_queue, (bp::arg("model"), bp::arg("jobs") = 0))
      .def("wait_all", &PyAsyncInferQueue::wait_all,
           "Blocks until all requests and their callbacks are over; raises the first error of an "
           "inference or a callback since the\nlast call, once, and RuntimeError in a callback, "
           "which would have to return first. Ctrl-C interrupts the wait. Any number\nof threads "
           "may wait.")
      .def("is_ready", &PyAsyncInferQueue::is_ready,
           "True when any request is idle, so that `start_async` would not wait. Another thread "
           "may take it meanwhile.")
      .def("get_idle_request_id", &PyAsyncInferQueue::idle_id,
           "Waits until a request is idle, and gives its index, an int. RuntimeError in a "
           "callback, which would have to return first.\nAnother thread's `start_async` may take "
           "it meanwhile.")
      .def("set_callback", &set_callback, bp::arg("callback"),
           "Calls `callback(request, userdata)` after each inference that finished, one at a time, "
           "on the callbacks' thread. What it\nraises, the next `wait_all` raises; the queue stays "
           "usable. It runs in an empty `contextvars` context: variables that are\nset where it "
           "was given, or where the inference was started, have their defaults. TypeError for what "
           "is not callable;\nRequestBusy while an inference is in flight.")
      .add_property("userdata", &userdata,
                    "What each request was last started with as `userdata`, a list.")
      .def("__len__", &length)
      .def("__getitem__", &item)
      .def("__iter__", &iterate)
      .def(
          "__repr__", +[](const PyAsyncInferQueue& self) {
            return fmt::format("<AsyncInferQueue: {} jobs>", self.requests().size());
          });
  Collected<PyAsyncInferQueue>::install(type.ptr());
  add_hot_method(type.ptr(), "start_async", &start_async, start_async_doc);
}

}  // namespace coinfer::python
