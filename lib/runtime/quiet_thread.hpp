#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace coinfer::runtime {

/// Was the calling thread started by `start_quiet_thread`?
inline thread_local bool on_quiet_thread = false;

/// Starts a thread that no signal ever meets: it inherits a full mask. What std::thread throws, it
/// throws.
template <class Body>
std::thread start_quiet_thread(Body body) {
  struct Masked {
    sigset_t before;
    Masked() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Masked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
  } const masked;
  return std::thread{[body = std::move(body)]() mutable {
    on_quiet_thread = true;
    body();
  }};
}

}  // namespace coinfer::runtime
