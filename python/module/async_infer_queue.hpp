#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "module/compiled_model.hpp"
#include "module/infer_request.hpp"

namespace coinfer::python {

/// Which requests of a queue are idle. Native, and shared with the runs in flight.
class IdleSlots : public std::enable_shared_from_this<IdleSlots> {
 public:
  explicit IdleSlots(std::size_t count);

  /// Blocks, GIL released, until a slot is idle, and takes it. Needs the GIL. Throws PythonError
  /// when a signal handler raises, Error on the callbacks' thread when only its own callback could
  /// free one.
  std::size_t take(bool callbacks_pending);
  /// The slot that `take` would give; blocks like it.
  std::size_t peek(bool callbacks_pending);
  /// Blocks like `take` until all slots are idle.
  void wait_all(bool callbacks_pending);
  bool ready() const;
  void give_back(std::size_t slot) noexcept;
  /// Takes an idle slot without blocking; nullopt when there is none or others wait already.
  std::optional<std::size_t> try_take();
  /// Someone on an event loop who waits for a slot: first come, first served, before `take`.
  struct Applicant {
    /// `slot` is his now. Any thread, without the GIL; must not block.
    void (*given)(Applicant* self) noexcept = nullptr;
    /// Starts on `slot`, off the loop, after `claim`. Needs the GIL.
    void (*begin)(Applicant* self) = nullptr;
    std::size_t slot = 0;
  };
  void apply(Applicant& applicant);
  /// Takes back an application that has not begun, with its slot if it has one. False when it has.
  bool withdraw(Applicant& applicant) noexcept;
  /// Once given a slot: true for the first who is about to begin.
  bool claim(Applicant& applicant) noexcept;

  /// To be attached to the run that slot `slot`, taken, starts: gives the slot back at its end.
  Continuation& end_of_run(std::size_t slot) noexcept;
  /// What `end_of_run` gave was not attached.
  void forget_run(std::size_t slot) noexcept;
  /// The run was not started: the slot is idle.
  void not_started(std::size_t slot) noexcept;

 private:
  struct Slot : Continuation {
    std::shared_ptr<IdleSlots> owner;  // while a run is in flight
    std::size_t index = 0;
  };
  void begin_given();
  void tell_blocked() noexcept;
  template <class Ready>
  void block(bool callbacks_pending, Ready ready);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<std::uint32_t> changes_{0};
  std::deque<std::size_t> idle_;
  std::deque<Applicant*> applicants_;
  std::deque<Applicant*> given_;  // have a slot, and have not begun
  std::vector<Slot> slots_;
};

/// A pool of requests that are started whenever one is idle. Everything here needs the GIL.
class PyAsyncInferQueue {
 public:
  PyAsyncInferQueue(const PyCompiledModel& model, std::int64_t jobs);

  const std::vector<PyInferRequestRef>& requests() const noexcept { return requests_; }
  const PortTable& ports() const noexcept { return requests_.front()->ports(); }

  /// Waits for an idle request and starts it.
  void start_async(PyObject* inputs, PyObject* userdata, bool share);
  /// Blocks until all are idle; throws the first error since the last call.
  void wait_all();
  bool is_ready() const { return idle_->ready(); }
  std::size_t idle_id() { return idle_->peek(has_callback()); }
  void set_callback(PyObject* function);

  /// Once a slot was taken: false when a user had started its request himself, and the slot comes
  /// back later.
  bool settle(std::size_t slot);
  /// Takes an idle slot, for someone who starts its request himself with `end_of_run`.
  std::size_t take();
  IdleSlots& idle() noexcept { return *idle_; }
  bool has_callback() const { return requests_.front()->has_callback(); }

  /// For Python's cycle collector.
  int traverse(visitproc visit, void* arg) const;
  void clear_references();

 private:
  void collect_error(PyInferRequest& request);

  std::shared_ptr<IdleSlots> idle_;
  std::vector<PyInferRequestRef> requests_;
  std::exception_ptr error_;  // the first one that nobody has been told
};

/// The class AsyncInferQueue.
void register_async_infer_queue();

}  // namespace coinfer::python
