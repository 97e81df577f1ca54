#include "runtime/run.hpp"

#include <unistd.h>

#include "coinfer/error.hpp"
#include "runtime/process.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/traced_run.hpp"

namespace coinfer::runtime {
namespace {

int thread_id() noexcept {
  thread_local const int id = gettid();
  return id;
}

const std::function<bool()> no_interruption;

/// Awaited between two stages: another run may take the stream, and this one queues again. False
/// when it was stopped there.
struct Turn {
  Operation& operation;
  bool leased = true;

  bool await_ready() const { return !process_scheduler().contended(); }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    auto& scheduler = process_scheduler();
    if (operation.trace_id() != 0) {
      trace_pause(operation);
    }
    RunFrame::set_queued(operation);
    if (RunFrame::is_inline(operation)) {
      scheduler.release(operation);
      const auto* interrupted = RunFrame::of(operation).interrupted;
      leased = scheduler.acquire(operation, Scheduler::Purpose::later_stage,
                                 interrupted != nullptr ? *interrupted : no_interruption);
      RunFrame::set_running(operation);
      return false;
    }
    RunFrame::of(operation).coroutine = coroutine;
    RunFrame::suspended = true;
    // From here on another thread may resume, and end, this coroutine.
    scheduler.requeue(operation);
    return true;
  }
  bool await_resume() const noexcept {
    if (leased && operation.trace_id() != 0 && RunFrame::of(operation).paused != trace::Time{}) {
      trace_resume(operation);
    }
    return leased && !operation.stopping();
  }
};

void publish_copies(Operation& operation) {
  operation.published.clear();
  for (const auto& output : operation.outputs) {
    Tensor copy{output.type(), output.shape()};
    output.copy_to(copy);
    operation.published.push_back(std::move(copy));
  }
}

}  // namespace

thread_local bool RunFrame::suspended = false;

void RunFrame::let_go() noexcept {
  levels.clear();
  late_outputs.clear();
}

RunFrame& RunFrame::of(Operation& operation) {
  if (!operation.frame_) {
    operation.frame_ = operation.model_->frames().take();
  }
  return *operation.frame_;
}

void RunFrame::stamp_queued(Operation& operation) noexcept {
  operation.stamps_.set(StampSheet::Station::queued, std::chrono::steady_clock::now());
  set_queued(operation);
}

void RunFrame::stamp_start_as(Operation& operation, const Operation& whole) noexcept {
  const auto stamps = whole.stamps();
  operation.stamps_.set_thread(stamps.thread);
  // It may have come in the moment between the other's start and its own part in that.
  operation.stamps_.set(StampSheet::Station::started,
                        std::max(stamps.started, operation.stamps().queued));
}

void RunFrame::stamp_start(Operation& operation) noexcept {
  operation.stamps_.set_thread(thread_id());
  const auto now = std::chrono::steady_clock::now();
  operation.stamps_.set(StampSheet::Station::started, now);
  if (trace::on()) {
    operation.trace_id_ = trace::next_run();
    RunFrame::of(operation).leased = now;
    RunFrame::of(operation).paused = {};
  }
}

void* Run::promise_type::operator new(std::size_t bytes, Operation& operation) {
  auto& frame = RunFrame::of(operation);
  if (frame.bytes < bytes) {
    frame.memory = std::make_unique<std::byte[]>(bytes);
    frame.bytes = bytes;
  }
  return frame.memory.get();
}

Run run_stages(Operation& operation) {
  Outcome outcome;
  try {
    RunFrame::stamp_start(operation);
    if (operation.stopping()) {
      throw Cancelled{};
    }
    if (operation.binder != nullptr) {
      operation.binder->bind(operation.binder, operation);
    }
    begin_levels(operation);
    while (advance(operation)) {
      Turn turn{operation};
      const bool goes_on = co_await turn;
      if (!goes_on) {
        throw Cancelled{};
      }
    }
    end_levels(operation);
    if (operation.publish_copies) {
      publish_copies(operation);
    }
    Compiled::ran(operation.model());
  } catch (const Cancelled&) {
    outcome = {Outcome::Kind::cancelled, std::current_exception()};
  } catch (...) {
    outcome = {Outcome::Kind::failed, std::current_exception()};
  }
  // However it ended: what it read is held no longer.
  RunFrame::of(operation).let_go();
  RunFrame::finish(operation, std::move(outcome));
}

}  // namespace coinfer::runtime
