#include "coinfer/operation.hpp"

#include "coinfer/detail/wake_up.hpp"
#include "coinfer/error.hpp"
#include "runtime/compiled.hpp"
#include "runtime/deadlines.hpp"
#include "runtime/executor.hpp"
#include "runtime/live.hpp"
#include "runtime/process.hpp"
#include "runtime/run.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/traced_run.hpp"
#include "tensor/block_pool.hpp"

namespace coinfer {

using runtime::process_scheduler;
using Station = StampSheet::Station;

Operation::Operation(std::shared_ptr<runtime::Compiled> model) : model_{std::move(model)} {
  runtime::live::operations.fetch_add(1, std::memory_order_relaxed);
}

Operation::~Operation() {
  if (frame_) {
    model_->frames().give_back(std::move(frame_));
  }
  runtime::live::operations.fetch_sub(1, std::memory_order_relaxed);
}

void* Operation::operator new(std::size_t bytes) {
  void* block = block_pool::take(bytes);
  if (block == nullptr) {
    throw std::bad_alloc{};
  }
  return block;
}

void Operation::operator delete(void* block, std::size_t bytes) noexcept {
  block_pool::give_back(block, bytes);
}

void Operation::start() {
  auto& scheduler = process_scheduler();
  stamps_.set(Station::queued, std::chrono::steady_clock::now());
  inline_ = false;
  state_.store(State::queued, std::memory_order_release);
  intrusive_ptr_add_ref(this);
  try {
    if (deadline) {
      runtime::Deadlines::instance().arm(*this);
    }
    scheduler.submit(*this);
  } catch (...) {
    const OperationRef self{this, false};
    runtime::Deadlines::instance().disarm(*this);
    state_.store(State::made, std::memory_order_release);
    throw;
  }
}

void Operation::run_inline(const std::function<bool()>& interrupted) {
  auto& scheduler = process_scheduler();
  if (runtime::Executor::on_worker()) {
    throw Error(
        "a blocking inference was called on a stream's thread, where it could wait for itself; use "
        "async_infer, or "
        "give the handler an executor");
  }
  const OperationRef self{this};
  stamps_.set(Station::queued, std::chrono::steady_clock::now());
  state_.store(State::queued, std::memory_order_release);
  bool leased = false;
  try {
    leased = scheduler.acquire(*this, runtime::Scheduler::Purpose::run, interrupted);
  } catch (...) {
    state_.store(State::made, std::memory_order_release);
    throw;
  }
  if (!leased) {
    finish({Outcome::Kind::cancelled, std::make_exception_ptr(Cancelled{})});
    return;
  }
  runtime::RunFrame::of(*this).interrupted = &interrupted;
  resume();
  runtime::RunFrame::of(*this).interrupted = nullptr;
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): `self` holds a reference.
  if (trace_id_ != 0) {
    runtime::trace_caller(*this);
  }
}

/// Begins or continues the coroutine; the calling thread holds the lease and a reference, which for
/// a queued run that has ended is given up here, after the coroutine has left its frame.
void Operation::resume() noexcept {
  const bool queued = !inline_;
  state_.store(State::running, std::memory_order_release);
  auto& frame = runtime::RunFrame::of(*this);
  runtime::RunFrame::suspended = false;
  if (frame.coroutine) {
    std::exchange(frame.coroutine, nullptr).resume();
  } else {
    runtime::run_stages(*this).handle.resume();
  }
  if (queued && !runtime::RunFrame::suspended) {
    intrusive_ptr_release(this);
  }
}

void Operation::finish(Outcome outcome) noexcept {
  stamps_.set(Station::finished, std::chrono::steady_clock::now());
  if (deadline) {
    runtime::Deadlines::instance().disarm(*this);
    if (outcome.kind == Outcome::Kind::cancelled && expired_.load(std::memory_order_acquire)) {
      outcome = {Outcome::Kind::failed, std::make_exception_ptr(DeadlineExceeded(
                                            "the inference did not finish before its deadline"))};
    }
  }
  computed_ = std::move(outcome);
  if (trace_id_ != 0) {
    runtime::trace_end(*this);
  }
  const bool on_worker = stream_ != nullptr && !inline_;
  if (stream_ != nullptr) {
    process_scheduler().end_run(*this);
  }
  inputs.clear();
  state_.store(State::ended, std::memory_order_release);
  const auto kept = std::move(keep);
  if (owner != nullptr) {
    owner->ended(owner, *this);
  }
  if (gate != nullptr) {
    if (gate->passing == Gate::Passing::calls_out) {
      runtime::Scheduler::look_later();
      const detail::WakeUpsTogether::Interruption interruption;
      gate->pass(gate, *this);
    } else {
      if (gate->passing == Gate::Passing::hands_over && on_worker) {
        runtime::Executor::back_soon();
      }
      gate->pass(gate, *this);
    }
  } else {
    stamps_.set(Station::delivered, stamps_[Station::finished]);
    tell(on_worker);
  }
}

void Operation::fail_unstarted(std::exception_ptr error) noexcept {
  finish({Outcome::Kind::failed, std::move(error)});
}

void Operation::reset() noexcept {
  state_.store(State::made, std::memory_order_relaxed);
  stop_.store(false, std::memory_order_relaxed);
  abandoned_.store(false, std::memory_order_relaxed);
  expired_.store(false, std::memory_order_relaxed);
  deadline.reset();
  observed_.store(false, std::memory_order_relaxed);
  has_callback_error_.store(false, std::memory_order_relaxed);
  callback_error_ = nullptr;
  computed_ = {};
  stamps_.clear();
  trace_id_ = 0;
  if (frame_) {
    frame_->profile.clear();
  }
  published.clear();
  completion.reset();
}

void Operation::deliver() noexcept {
  stamps_.set(Station::delivered, std::chrono::steady_clock::now());
  tell(false);
}

/// `on_worker`: the calling worker has ended the run and has nothing else to do.
void Operation::tell(bool on_worker) noexcept {
  // A waiter may release the last reference to this operation, so its outcome is copied first.
  const Outcome told = computed_;
  const auto waiters = completion.end(computed_);
  if (!waiters.quick) {
    runtime::Scheduler::look_later();
    const detail::WakeUpsTogether::Interruption interruption;
    waiters.tell(told);
    return;
  }
  if (on_worker) {
    runtime::Executor::back_soon();
  }
  waiters.tell(told);
}

void Operation::cancel() noexcept {
  if (runtime::is_forked_child()) {
    return;  // it runs in the parent, if anywhere
  }
  stop_.store(true, std::memory_order_release);
  if (carrier) {
    carrier->stop(*this);
    return;
  }
  if (state() == State::queued && process_scheduler().dequeue(*this)) {
    if (frame_ && frame_->coroutine) {
      std::exchange(frame_->coroutine, nullptr).destroy();
      frame_->let_go();
    } else if (trace::on()) {
      trace_id_ = trace::next_run();
    }
    finish({Outcome::Kind::cancelled, std::make_exception_ptr(Cancelled{})});
    intrusive_ptr_release(this);
  }
}

void Operation::expire() noexcept {
  expired_.store(true, std::memory_order_release);
  cancel();
}

void Operation::abandon() noexcept {
  abandoned_.store(true, std::memory_order_release);
  cancel();
}

std::exception_ptr Operation::take_callback_error() noexcept {
  if (!has_callback_error_.exchange(false, std::memory_order_acq_rel)) {
    return nullptr;
  }
  return std::move(callback_error_);
}

void Operation::set_callback_error(std::exception_ptr error) noexcept {
  callback_error_ = std::move(error);
  has_callback_error_.store(true, std::memory_order_release);
}

}  // namespace coinfer
