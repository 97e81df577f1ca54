#pragma once

#include <optional>

#include "asyncio_bridge/gil.hpp"
#include "asyncio_bridge/wait_awake.hpp"

namespace coinfer::bridge {

/// Two threads that pass the GIL to each other all the time: one starts runs, one calls back. A
/// thread that sleeps for the GIL is woken at the price of many callbacks, so each waits awake
/// until the other has let go, for a moment. A hint: nothing depends on it.
enum class GilSide { starter, callbacks };

namespace gil_turns {
inline std::atomic<bool> starter_holds{false};
inline std::atomic<bool> callbacks_hold{false};

inline std::atomic<bool>& held_by(GilSide side) noexcept {
  return side == GilSide::starter ? starter_holds : callbacks_hold;
}
}  // namespace gil_turns

/// Releases the GIL for its scope, and takes it back in turn.
class GilPassed {
 public:
  explicit GilPassed(GilSide side) noexcept
      : mine_{gil_turns::held_by(side)},
        others_{
            gil_turns::held_by(side == GilSide::starter ? GilSide::callbacks : GilSide::starter)} {
    released_.emplace();
    mine_.store(false, std::memory_order_relaxed);
  }
  ~GilPassed() {
    if (!wait_awake([this] { return !others_.load(std::memory_order_relaxed); })) {
      // It does something else: whoever comes next need not wait for it.
      others_.store(false, std::memory_order_relaxed);
    }
    released_.reset();
    mine_.store(true, std::memory_order_relaxed);
  }
  GilPassed(const GilPassed&) = delete;
  GilPassed& operator=(const GilPassed&) = delete;

 private:
  std::atomic<bool>& mine_;
  std::atomic<bool>& others_;
  std::optional<GilReleased> released_;
};

}  // namespace coinfer::bridge
