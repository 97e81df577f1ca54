#pragma once

namespace coinfer::detail {

/// Wakes a thread that waits. Intrusive; it outlives whoever puts it off.
struct WakeUp {
  void (*wake)(WakeUp* self) noexcept = nullptr;
  WakeUp* next = nullptr;
};

/// While one lives, its thread tells of several runs that have ended together. A thread that waits
/// for many of them is woken once, when all have been told: woken by the first one, it would
/// preempt the teller, and then be made to wait for its turn when the others come.
/// *Thread safety*: belongs to the thread that made it. At most one a thread.
class WakeUpsTogether {
 public:
  WakeUpsTogether() noexcept;
  ~WakeUpsTogether();
  WakeUpsTogether(const WakeUpsTogether&) = delete;
  WakeUpsTogether& operator=(const WakeUpsTogether&) = delete;

  /// Does the calling thread tell of runs together?
  static bool lives() noexcept;
  /// Only when one lives: has it call `wake`, once, within microseconds.
  static void put_off(WakeUp& wake_up) noexcept;
  /// Wakes whoever was put off: before somebody else's code runs, which may take long.
  static void carry_out() noexcept;

 private:
  WakeUp* first_ = nullptr;
};

}  // namespace coinfer::detail
