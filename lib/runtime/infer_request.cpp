#include "coinfer/infer_request.hpp"

#include <sched.h>

#include "coinfer/compiled_model.hpp"
#include "runtime/executor.hpp"
#include "runtime/futex.hpp"
#include "runtime/process.hpp"
#include "runtime/profile.hpp"
#include "runtime/request.hpp"
#include "runtime/traced_run.hpp"

namespace coinfer {
namespace {

/// A thread that waits for a run. Whoever is last, the waiter that gave up or the run, frees it.
struct ThreadWaiter : Continuation {
  enum : std::uint32_t { waiting, told, given_up };
  std::atomic<std::uint32_t> state{waiting};

  ThreadWaiter() {
    quick = true;
    fire = [](Continuation* self, const Outcome&) noexcept {
      auto& waiter = *static_cast<ThreadWaiter*>(self);
      if (waiter.state.exchange(told, std::memory_order_acq_rel) == given_up) {
        delete &waiter;
        return;
      }
      runtime::futex_wake(waiter.state);
    };
  }
};

/// The wait's span in a trace.
class TracedWait {
 public:
  TracedWait() {
    if (trace::on()) {
      begin_ = std::chrono::steady_clock::now();
    }
  }
  ~TracedWait() {
    if (begin_ != trace::Time{}) {
      runtime::trace_wait(begin_);
    }
  }
  TracedWait(const TracedWait&) = delete;
  TracedWait& operator=(const TracedWait&) = delete;

 private:
  trace::Time begin_;
};

}  // namespace

bool wait_until_complete(Operation& operation,
                         std::optional<std::chrono::steady_clock::time_point> deadline,
                         const std::function<bool()>& interrupted) {
  if (operation.completion.done()) {
    return true;
  }
  runtime::check_usable();
  auto* waiter = new ThreadWaiter;
  if (!operation.completion.attach(*waiter)) {
    delete waiter;
    return true;
  }
  const TracedWait traced;
  constexpr std::chrono::milliseconds look_up{100};
  const auto give_up = [&] {
    return waiter->state.exchange(ThreadWaiter::given_up, std::memory_order_acq_rel) ==
           ThreadWaiter::told;
  };
  // A short wait awake catches small models, for which parking and waking cost most.
  for (const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds{20};
       waiter->state.load(std::memory_order_acquire) == ThreadWaiter::waiting &&
       std::chrono::steady_clock::now() < until;) {
    for (int i = 0;
         i < 16 && waiter->state.load(std::memory_order_acquire) == ThreadWaiter::waiting; ++i) {
      __builtin_ia32_pause();
    }
    sched_yield();  // the run may need this very core
  }
  while (waiter->state.load(std::memory_order_acquire) == ThreadWaiter::waiting) {
    std::optional<std::chrono::nanoseconds> slice;
    if (interrupted) {
      slice = look_up;
    }
    if (deadline) {
      const auto left = *deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) {
        if (give_up()) {
          break;
        }
        return false;
      }
      slice = slice ? std::min<std::chrono::nanoseconds>(*slice, left) : left;
    }
    runtime::futex_wait(waiter->state, ThreadWaiter::waiting, slice);
    if (interrupted && waiter->state.load(std::memory_order_acquire) == ThreadWaiter::waiting &&
        interrupted()) {
      if (give_up()) {
        break;
      }
      return false;
    }
  }
  delete waiter;
  return true;
}

namespace {

void check_may_block() {
  if (runtime::Executor::on_worker()) {
    throw Error(
        "a blocking wait was called on a stream's thread, where it could wait for itself; use "
        "async_wait");
  }
}

/// Throws what a run that is over ended with, to whoever waited, or to the first who asks later.
void report(Operation& operation, bool waited) {
  if (auto error = operation.take_callback_error()) {
    std::rethrow_exception(error);
  }
  const bool first = operation.observe();
  if (operation.completion.outcome().error && (waited || first)) {
    std::rethrow_exception(operation.completion.outcome().error);
  }
}

}  // namespace

Tensor InferRequest::input_tensor(std::size_t index) const { return impl_->input(index); }
Tensor InferRequest::output_tensor(std::size_t index) const { return impl_->output(index); }
void InferRequest::set_input_tensor(std::size_t index, Tensor tensor) {
  impl_->set_input(index, std::move(tensor));
}
Tensor InferRequest::own_input_tensor(std::size_t index, const Shape& shape) {
  return impl_->own_input(index, shape);
}
void InferRequest::set_output_tensor(std::size_t index, Tensor tensor) {
  impl_->set_output(index, std::move(tensor));
}

Tensor InferRequest::tensor(std::string_view name) const {
  for (const auto& port : model_inputs()) {
    if (port->has_name(name)) {
      return impl_->input(port->index);
    }
  }
  return impl_->output(compiled_model().output(name)->index);
}

void InferRequest::set_tensor(std::string_view name, Tensor tensor) {
  for (const auto& port : model_inputs()) {
    if (port->has_name(name)) {
      impl_->set_input(port->index, std::move(tensor));
      return;
    }
  }
  impl_->set_output(compiled_model().output(name)->index, std::move(tensor));
}

void InferRequest::infer(const std::function<bool()>& interrupted) {
  const auto operation = impl_->infer(interrupted);
  operation->observe();
  operation->computed().get();
}

void InferRequest::start_async() { impl_->start({}); }
OperationRef InferRequest::start(const StartOptions& options) { return impl_->start(options); }

void InferRequest::start_with(detail::RunWaiter& waiter) {
  try {
    impl_->start({.continuation = &waiter, .operation = &waiter.about_to_start()});
  } catch (...) {
    waiter.not_started(std::current_exception());
  }
}

void InferRequest::wait() {
  check_may_block();
  const auto operation = current();
  if (!operation) {
    return;
  }
  const bool waited = !operation->completion.done();
  wait_until_complete(*operation, std::nullopt, {});
  report(*operation, waited);
}

bool InferRequest::wait_for(std::chrono::milliseconds timeout) {
  check_may_block();
  const auto operation = current();
  if (!operation) {
    return true;
  }
  // What is longer than the clock can tell is for ever.
  constexpr std::chrono::milliseconds longest = std::chrono::hours{1'000'000};
  const auto deadline = std::chrono::steady_clock::now() + std::clamp(timeout, -longest, longest);
  const bool waited = !operation->completion.done();
  if (!wait_until_complete(*operation, deadline, {})) {
    return false;
  }
  report(*operation, waited);
  return true;
}

void InferRequest::cancel() {
  if (const auto operation = current()) {
    if (!operation->completion.done()) {
      runtime::check_usable();
    }
    operation->cancel();
  }
}

void InferRequest::set_callback(std::function<void(std::exception_ptr)> callback) {
  impl_->set_callback(std::move(callback));
}

bool InferRequest::busy() const { return impl_->busy(); }
void InferRequest::check_idle() const { impl_->check_idle(); }
OperationRef InferRequest::current() const { return impl_->current(); }
CompiledModel InferRequest::compiled_model() const { return CompiledModel{impl_->model()}; }
std::vector<ProfilingInfo> InferRequest::profiling_info() const {
  impl_->check_idle();
  const auto last = impl_->current();
  return runtime::profile_of(*impl_->model(), last.get());
}
const std::vector<PortRef>& InferRequest::model_inputs() const { return impl_->model()->inputs(); }
const std::vector<PortRef>& InferRequest::model_outputs() const {
  return impl_->model()->outputs();
}

}  // namespace coinfer
