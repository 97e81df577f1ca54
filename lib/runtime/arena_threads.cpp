#include "runtime/arena_threads.hpp"

#include "runtime/executor.hpp"

namespace coinfer::runtime {

ArenaThreads::ArenaThreads(kernels::Arena& arena) : ArenaObserver{arena} { begin(); }

ArenaThreads::~ArenaThreads() { end(); }

void ArenaThreads::entered(int, bool is_tbbs) noexcept {
  thread_local bool settled = false;
  if (is_tbbs && !settled) {
    settled = true;
    settle_compute_thread();
  }
}

}  // namespace coinfer::runtime
