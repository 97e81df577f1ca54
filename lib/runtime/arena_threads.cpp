#include "runtime/arena_threads.hpp"

#include "runtime/executor.hpp"

namespace coinfer::runtime {

ArenaThreads::ArenaThreads(tbb::task_arena& arena) : tbb::task_scheduler_observer{arena} {
  observe(true);
}

ArenaThreads::~ArenaThreads() { observe(false); }

void ArenaThreads::on_scheduler_entry(bool is_worker) {
  thread_local bool settled = false;
  if (is_worker && !settled) {
    settled = true;
    settle_compute_thread();
  }
}

}  // namespace coinfer::runtime
