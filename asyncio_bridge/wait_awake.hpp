#pragma once

#include <sched.h>

#include <chrono>

namespace coinfer::bridge {

/// How long a thread waits awake before it sleeps: waking a sleeper costs about as much, on both
/// sides.
inline constexpr std::chrono::microseconds short_wait{25};

/// Waits awake until `ready()`, at most `patience`; yields to whoever needs the core. Without the
/// GIL.
template <class Ready>
bool wait_awake(Ready ready, std::chrono::microseconds patience = short_wait) noexcept {
  const auto until = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 16; ++i) {
      if (ready()) {
        return true;
      }
      __builtin_ia32_pause();
    }
    sched_yield();
  } while (std::chrono::steady_clock::now() < until);
  return false;
}

}  // namespace coinfer::bridge
