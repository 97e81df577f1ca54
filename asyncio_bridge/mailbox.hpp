#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "asyncio_bridge/gil.hpp"
#include "coinfer/detail/wake_up.hpp"

namespace coinfer::bridge {

/// What a native thread hands to a loop. Intrusive.
struct Letter : Garbage {
  /// On the loop's thread, under the GIL. Resolves whatever waits; frees the letter. False when a
  /// Python exception is set that must stop the loop (KeyboardInterrupt, SystemExit).
  bool (*open)(Letter* self) = nullptr;
};

/// A lock-free stack of letters and an eventfd that wakes the loop. The loop is woken when the
/// stack turns non-empty, so a burst costs one system call; with the letters of a thread that tells
/// of several runs together, when these are all there. *Thread safety*: `push` from any
/// thread, without the GIL; the rest by the loop's thread under it.
class Mailbox : detail::WakeUp {
 public:
  Mailbox();
  ~Mailbox() = delete;  // pooled and never freed: a producer may still be inside `push`

  /// Hands a letter over. When the loop is gone it goes to the garbage list.
  void push(Letter* letter) noexcept;

  /// Takes all letters, in the order they were pushed. Reads the eventfd first, so that a letter
  /// pushed meanwhile wakes the loop again.
  Letter* take_all() noexcept;
  /// The loop will look by itself, soon: until `take_watched` letters do not wake it.
  void watch() noexcept { watched_.store(true, std::memory_order_seq_cst); }
  /// Waits awake for a letter. Without the GIL.
  void await_letter(std::chrono::microseconds patience) const noexcept;
  bool empty() const noexcept { return head_.load(std::memory_order_acquire) == nullptr; }
  /// Ends the watch and takes all letters. The eventfd is not read.
  Letter* take_watched() noexcept;
  /// Wakes the loop without a letter.
  void wake() noexcept { wake_.load(std::memory_order_acquire)(*this); }

  int fd() const noexcept { return fd_; }
  /// How its loop is woken, when not by the eventfd.
  using Wake = void (*)(Mailbox& mailbox) noexcept;
  void open_for_loop(Wake wake = write_eventfd) noexcept;
  void* context = nullptr;  ///< for `Wake`; set before the mailbox is opened the first time
  /// The loop is gone: letters from now on are discarded, and those that wait.
  void close() noexcept;
  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

 private:
  static void write_eventfd(Mailbox& mailbox) noexcept;
  void discard_unless_reopened() noexcept;
  void discard_all() noexcept;
  Letter* take_in_order() noexcept;

  std::atomic<Letter*> head_{nullptr};
  std::atomic<bool> watched_{false};
  std::atomic<bool> closed_{true};
  // The teller of several runs that will wake the loop, later than its letters came.
  std::atomic<const void*> put_off_by_{nullptr};
  std::atomic<Wake> wake_{write_eventfd};
  int fd_ = -1;
};

}  // namespace coinfer::bridge
