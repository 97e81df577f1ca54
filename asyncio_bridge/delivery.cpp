#include "asyncio_bridge/delivery.hpp"

#include <condition_variable>
#include <mutex>

namespace coinfer::bridge {

namespace {
thread_local bool delivering = false;
PyObject* thread_object = nullptr;
}  // namespace

CarriedException CarriedException::take() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != nullptr) {
    PyException_SetTraceback(value, trace);
  }
  CarriedException carried;
  auto* kept = Kept::make(value);
  carried.exception_ = std::shared_ptr<PyObject>(value, [kept](PyObject*) { Kept::drop(kept); });
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  return carried;
}

void CarriedException::raise() const {
  PyErr_SetObject(PyExceptionInstance_Class(exception_.get()), exception_.get());
}

/// First in, first out; producers never take the GIL.
class DeliveryQueue {
 public:
  static DeliveryQueue& instance() {
    static auto* const queue = new DeliveryQueue;
    return *queue;
  }

  void push(Delivered& delivered, Operation& operation) noexcept {
    {
      const std::lock_guard lock{mutex_};
      delivered.operation_ = &operation;
      delivered.next_ = nullptr;
      (last_ != nullptr ? last_->next_ : first_) = &delivered;
      last_ = &delivered;
    }
    ready_.notify_one();
  }

  /// Blocks without the GIL. Null when it was stopped.
  Delivered* pop(OperationRef& operation) {
    std::unique_lock lock{mutex_};
    ready_.wait(lock, [this] { return first_ != nullptr || stopped_; });
    auto* delivered = first_;
    if (delivered != nullptr) {
      first_ = delivered->next_;
      if (first_ == nullptr) {
        last_ = nullptr;
      }
      operation = std::move(delivered->operation_);
    }
    return delivered;
  }

  void stop() noexcept {
    {
      const std::lock_guard lock{mutex_};
      stopped_ = true;
    }
    ready_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  Delivered* first_ = nullptr;
  Delivered* last_ = nullptr;
  bool stopped_ = false;
};

Delivered::Delivered() {
  pass = [](Gate* self, Operation& operation) noexcept {
    DeliveryQueue::instance().push(*static_cast<Delivered*>(self), operation);
  };
}

namespace {

PyObject* deliver_all(PyObject*, PyObject*) {
  delivering = true;
  for (;;) {
    OperationRef operation;
    Delivered* delivered = nullptr;
    {
      const GilReleased released;
      delivered = DeliveryQueue::instance().pop(operation);
    }
    if (delivered == nullptr) {
      Py_RETURN_NONE;
    }
    const auto answer = PyRef::steal(delivered->call(*delivered, *operation));
    if (!answer) {
      operation->set_callback_error(std::make_exception_ptr(CarriedException::take()));
    }
    if (delivered->after != nullptr) {
      delivered->after(*delivered, *operation);
    }
    operation->deliver();
    operation.reset();
    empty_garbage();
  }
}

PyMethodDef deliver_method{"deliver", deliver_all, METH_NOARGS, nullptr};

}  // namespace

int start_delivery() {
  if (thread_object != nullptr) {
    return 0;
  }
  const auto threading = PyRef::steal(PyImport_ImportModule("threading"));
  const auto target = PyRef::steal(PyCFunction_New(&deliver_method, nullptr));
  if (!threading || !target) {
    return -1;
  }
  const auto make = PyRef::steal(PyObject_GetAttrString(threading.get(), "Thread"));
  const auto none = PyRef::steal(PyTuple_New(0));
  const auto keywords = PyRef::steal(Py_BuildValue("{s:O,s:s,s:O}", "target", target.get(), "name",
                                                   "coinfer-callbacks", "daemon", Py_True));
  if (!make || !none || !keywords) {
    return -1;
  }
  auto thread = PyRef::steal(PyObject_Call(make.get(), none.get(), keywords.get()));
  if (!thread) {
    return -1;
  }
  const auto started = PyRef::steal(PyObject_CallMethod(thread.get(), "start", nullptr));
  if (!started) {
    return -1;
  }
  thread_object = thread.release();
  return 0;
}

void stop_delivery() noexcept { DeliveryQueue::instance().stop(); }

bool on_delivery_thread() noexcept { return delivering; }

PyObject* delivery_thread() noexcept { return thread_object; }

}  // namespace coinfer::bridge
