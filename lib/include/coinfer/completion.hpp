#pragma once

#include <atomic>
#include <cstdint>
#include <exception>

namespace coinfer {

/// How a run ended. `error` is set unless it finished.
struct Outcome {
  enum class Kind : std::uint8_t { finished, failed, cancelled };
  Kind kind = Kind::finished;
  std::exception_ptr error;

  /// Throws `error` when there is one.
  void get() const {
    if (error) {
      std::rethrow_exception(error);
    }
  }
};

/// Someone who is told when a run has ended. Intrusive: it lives in the waiter, who keeps it alive
/// until `fire` was called.
struct Continuation {
  /// Called exactly once, on the thread that completes, with no lock held. Must not throw, and may
  /// destroy the continuation.
  void (*fire)(Continuation* self, const Outcome& outcome) noexcept = nullptr;
  Continuation* next = nullptr;
  /// `fire` only passes a word on: it runs nobody else's code and returns within microseconds.
  bool quick = false;
};

/// The waiters of a run that has ended.
struct Waiters {
  Continuation* first = nullptr;
  bool quick = true;  ///< all of them are

  /// Fires them in the order they were attached.
  void tell(const Outcome& outcome) const noexcept;
};

/// The one end of a run: an atomic state and a list of continuations.
/// *Thread safety*: shared objects: safe. `complete` is called once.
class Completion {
 public:
  Completion() = default;
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  /// Adds a waiter. False when the run has ended already: `fire` will not be called, and `outcome`
  /// may be read.
  bool attach(Continuation& continuation) noexcept;

  /// Ends the run and fires all continuations in the order they were attached. The Completion must
  /// stay alive for the call, not beyond.
  void complete(Outcome outcome) noexcept;
  /// The same, but the caller tells the waiters, at once.
  Waiters end(Outcome outcome) noexcept;

  /// Pending again. Only when nobody else knows this object.
  void reset() noexcept {
    outcome_ = {};
    head_.store(nullptr, std::memory_order_release);
  }

  bool done() const noexcept { return head_.load(std::memory_order_acquire) == ended(); }
  /// Only when `done()`.
  const Outcome& outcome() const noexcept { return outcome_; }

 private:
  static Continuation* ended() noexcept {
    static Continuation sentinel;
    return &sentinel;
  }

  std::atomic<Continuation*> head_{nullptr};
  Outcome outcome_;
};

}  // namespace coinfer
