#pragma once

#include <Python.h>

#include "asyncio_bridge/channel.hpp"
#include "asyncio_bridge/gil.hpp"
#include "coinfer/operation.hpp"

namespace coinfer::bridge {

/// A waiter on an event loop: the letter and the continuation of one future. Made and freed under
/// the GIL; between, native threads only fire it.
struct Ticket : Letter, Continuation {
  PyObject* future = nullptr;  ///< owned while the run is waited for
  OperationRef operation;
  /// Makes the result of a finished run: a new reference, or null with an exception set.
  PyObject* (*result)(Ticket& ticket) = nullptr;
  PyObject* context = nullptr;  ///< owned; what `result` needs
  const void* data = nullptr;   ///< what `context` owns and `result` reads
  void* pool = nullptr;         ///< of `done_with`, owned by `context`
  std::uint32_t flags = 0;      ///< of `result`
  bool owns_run = true;         ///< cancelling the future cancels the run
  /// Called under the GIL when the future is cancelled, or its deadline has passed, before there is
  /// a run. May free the ticket.
  void (*withdraw)(Ticket& ticket) = nullptr;
  void* waiting = nullptr;  ///< of `withdraw`
  /// Called under the GIL when the run is over and the ticket no longer needs its operation.
  void (*done_with)(Ticket& ticket) = nullptr;
  Channel* channel = nullptr;
  std::uint64_t generation = 0;
};

/// Makes `coinfer.InferFuture`, a subclass of asyncio.Future that a task can also run as it runs a
/// coroutine. Null with an exception set on failure. Called once.
PyObject* make_future_type();

/// The type, borrowed; null before it was made.
PyObject* future_class() noexcept;

/// A new ticket with a future of the running loop. Null with an exception set.
Ticket* new_ticket();
/// The ticket's future for the caller, a new reference; once the run was started.
PyObject* future_of(Ticket& ticket);
/// For a run that was over when the ticket should have been attached: resolved by the loop's next
/// turn.
void fire_now(Ticket& ticket) noexcept;
/// Is the ticket's future done, e.g. cancelled?
bool is_done(const Ticket& ticket);
/// Fails the future with the Python exception that is set, and frees the ticket. False when that
/// exception must stop the loop.
bool fail_ticket(Ticket* ticket);
/// Frees a ticket whose run was not started.
void drop_ticket(Ticket* ticket);

/// A completed future with the result None.
PyObject* completed_future();

/// Sets the Python exception that a C++ one stands for; the module provides it.
extern void (*set_python_error)(const std::exception_ptr& error);

/// Tickets alive, for leak tests.
long live_tickets() noexcept;

}  // namespace coinfer::bridge
