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
/// *Thread safety*: belongs to the thread that made it. One that is made while another lives is on
/// its own.
class WakeUpsTogether {
 public:
  WakeUpsTogether() noexcept;
  ~WakeUpsTogether();
  WakeUpsTogether(const WakeUpsTogether&) = delete;
  WakeUpsTogether& operator=(const WakeUpsTogether&) = delete;

  /// The calling thread's; null when it does not tell of runs together.
  static WakeUpsTogether* current() noexcept;
  /// Has `wake` called, once, within microseconds.
  void put_off(WakeUp& wake_up) noexcept;

  /// While somebody else's code runs, which may take long or wait for a thread that would be woken:
  /// whoever was put off is woken first, and nobody is put off meanwhile.
  class Interruption {
   public:
    Interruption() noexcept;
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

   private:
    WakeUpsTogether* interrupted_;
  };

 private:
  void carry_out() noexcept;

  WakeUpsTogether* outer_;
  WakeUp* first_ = nullptr;
};

}  // namespace coinfer::detail
