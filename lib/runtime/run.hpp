#pragma once

#include <coroutine>
#include <memory>
#include <vector>

#include "coinfer/operation.hpp"
#include "runtime/compiled.hpp"
#include "runtime/level.hpp"
#include "runtime/profile.hpp"
#include "runtime/states.hpp"

namespace coinfer::runtime {

/// A run's coroutine, and its memory, which the next run of the same Operation would use again.
struct RunFrame {
  std::coroutine_handle<> coroutine;
  std::unique_ptr<std::byte[]> memory;
  std::size_t bytes = 0;
  Levels levels;
  /// Of an inline run: its caller's question whether to stop while it waits for a stream, or null.
  const std::function<bool()>* interrupted = nullptr;
  States* states = nullptr;  ///< of the request; null: each run starts from initial values
  /// Outputs over memory that is read, too: written when the run has succeeded.
  std::vector<std::pair<std::size_t, Tensor>> late_outputs;
  Profile profile;  ///< with PERF_COUNT
  // Of a traced run.
  trace::Time leased;  ///< since when it has its stream
  trace::Time paused;  ///< since when it waits between stages; zero while it does not

  /// Whether the coroutine that this thread resumed last suspended instead of ending.
  static thread_local bool suspended;

  /// Holds nothing of a run that is over, or is destroyed between two stages.
  void let_go() noexcept;

  static RunFrame& of(Operation& operation);
  static Stream* stream(const Operation& operation) { return operation.stream_; }
  static void finish(Operation& operation, Outcome outcome) noexcept {
    operation.finish(std::move(outcome));
  }
  static bool is_inline(const Operation& operation) { return operation.inline_; }
  static const std::atomic<bool>& stop(const Operation& operation) { return operation.stop_; }
  static void set_queued(Operation& operation) noexcept {
    operation.state_.store(Operation::State::queued, std::memory_order_release);
  }
  static void set_running(Operation& operation) noexcept {
    operation.state_.store(Operation::State::running, std::memory_order_release);
  }
  static void stamp_start(Operation& operation) noexcept;
  /// Of an operation that is run as a part of another one, and starts when that has started.
  static void stamp_queued(Operation& operation) noexcept;
  static void stamp_start_as(Operation& operation, const Operation& whole) noexcept;
};

/// The coroutine's type: starts suspended, destroys itself at its end. Its frame lies in the
/// Operation's RunFrame.
struct Run {
  struct promise_type {
    static void* operator new(std::size_t bytes, Operation& operation);
    static void operator delete(void*, std::size_t) noexcept {}
    Run get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

/// One run: its stages, one after another, then its end. Between stages it gives its stream to
/// others that wait.
Run run_stages(Operation& operation);

}  // namespace coinfer::runtime
