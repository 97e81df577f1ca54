#include "asyncio_bridge/delivery.hpp"

#include <condition_variable>
#include <mutex>

#include "asyncio_bridge/gil_turns.hpp"
#include "asyncio_bridge/python_thread.hpp"
#include "coinfer/profiling.hpp"

namespace coinfer::bridge {

namespace {
thread_local bool delivering = false;
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
      ++counts_.waiting;
      waiting_.store(counts_.waiting, std::memory_order_release);
    }
    ready_.notify_one();
  }

  /// Blocks without the GIL. Null when it was stopped.
  Delivered* pop(OperationRef& operation) {
    wait_awake([this] { return waiting_.load(std::memory_order_acquire) != 0; });
    std::unique_lock lock{mutex_};
    ready_.wait(lock, [this] { return first_ != nullptr || stopped_; });
    return pop_locked(operation);
  }

  /// Null when there is none. Under the GIL: the lock is never held while somebody waits for it.
  Delivered* try_pop(OperationRef& operation) {
    const std::lock_guard lock{mutex_};
    return pop_locked(operation);
  }

  DeliveryCounts counts() noexcept {
    const std::lock_guard lock{mutex_};
    return counts_;
  }

  void stop() noexcept {
    {
      const std::lock_guard lock{mutex_};
      stopped_ = true;
    }
    ready_.notify_one();
  }

 private:
  Delivered* pop_locked(OperationRef& operation) {
    auto* delivered = first_;
    if (delivered != nullptr) {
      first_ = delivered->next_;
      if (first_ == nullptr) {
        last_ = nullptr;
      }
      operation = std::move(delivered->operation_);
      --counts_.waiting;
      waiting_.store(counts_.waiting, std::memory_order_relaxed);
      ++counts_.called;
    }
    return delivered;
  }

  std::mutex mutex_;
  DeliveryCounts counts_;
  std::atomic<std::int64_t> waiting_{0};  // as counted, read without the lock
  std::condition_variable ready_;
  Delivered* first_ = nullptr;
  Delivered* last_ = nullptr;
  bool stopped_ = false;
};

Delivered::Delivered() {
  passing = Passing::hands_over;
  pass = [](Gate* self, Operation& operation) noexcept {
    DeliveryQueue::instance().push(*static_cast<Delivered*>(self), operation);
  };
}

namespace {

PyObject* traced_call(Delivered& delivered, Operation& operation) {
  if (operation.trace_id() == 0) {
    return delivered.call(delivered, operation);
  }
  static const trace::Text text{"callback", {}};
  static const auto track = trace::new_track(trace::Group::callbacks, "callbacks");
  const auto begin = std::chrono::steady_clock::now();
  auto* answer = delivered.call(delivered, operation);
  trace::span(track, text, begin, std::chrono::steady_clock::now(), operation.trace_id());
  return answer;
}

PyObject* deliver_all(PyObject*, PyObject*) {
  delivering = true;
  // Some callbacks in a row without letting go of the GIL, which costs more than a short callback.
  constexpr int most_in_a_row = 8;
  for (int in_a_row = 0;; ++in_a_row) {
    OperationRef operation;
    Delivered* delivered = nullptr;
    if (in_a_row < most_in_a_row) {
      delivered = DeliveryQueue::instance().try_pop(operation);
    }
    if (delivered == nullptr) {
      in_a_row = 0;
      const GilPassed passed{GilSide::callbacks};
      delivered = DeliveryQueue::instance().pop(operation);
    }
    if (delivered == nullptr) {
      Py_RETURN_NONE;
    }
    const auto answer = PyRef::steal(traced_call(*delivered, *operation));
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
PythonThread thread{deliver_method, "coinfer-callbacks"};

}  // namespace

int start_delivery() { return thread.start(); }

void stop_delivery() noexcept {
  DeliveryQueue::instance().stop();
  // A callback that never returns must not keep the process alive.
  thread.join(5);
}

DeliveryCounts delivery_counts() noexcept { return DeliveryQueue::instance().counts(); }

bool on_delivery_thread() noexcept { return delivering; }

}  // namespace coinfer::bridge
