#pragma once

#include <Python.h>

#include "asyncio_bridge/gil.hpp"
#include "coinfer/operation.hpp"

namespace coinfer::bridge {

/// A Python exception that travels through C++: thrown by a user's callback, raised again by the
/// first waiter. Copies share the object.
class CarriedException : public std::exception {
 public:
  /// Takes the exception that is set. Needs the GIL.
  static CarriedException take();
  const char* what() const noexcept override { return "a Python exception raised by a callback"; }
  /// Sets it again. Needs the GIL.
  void raise() const;

 private:
  std::shared_ptr<PyObject> exception_;  // its deleter goes by the garbage list
};

/// A user's callback between the end of a computation and its completion. One a request: the run it
/// stands for is handed to the delivery thread, which calls `call` under the GIL, and then
/// completes the run. Runs of one request are delivered one at a time.
struct Delivered : Gate {
  Delivered();
  /// On the delivery thread, GIL held. Returns a new reference, or null with an exception set.
  PyObject* (*call)(Delivered& self, Operation& operation) = nullptr;
  /// After `call` and before waiters are told; may be null.
  void (*after)(Delivered& self, Operation& operation) = nullptr;

 private:
  friend class DeliveryQueue;
  OperationRef operation_;
  Delivered* next_ = nullptr;
};

/// Starts the (Python-created, daemon) delivery thread when it does not run. Needs the GIL; -1 with
/// an exception set on failure.
int start_delivery();
/// Ends and joins the thread, when its queue is empty. Needs the GIL.
void stop_delivery() noexcept;
/// Callbacks handed to the delivery thread.
struct DeliveryCounts {
  std::uint64_t called = 0;
  std::uint64_t waiting = 0;
};
/// Any thread.
DeliveryCounts delivery_counts() noexcept;
/// Is the calling thread the delivery thread? A wait there for a run whose own callback is still to
/// come could never end.
bool on_delivery_thread() noexcept;

}  // namespace coinfer::bridge
