#pragma once

#include <oneapi/tbb/task_scheduler_observer.h>

namespace coinfer::runtime {

/// Settles TBB's own threads when they first join an arena of ours, as if we had made them: all
/// signals blocked, scheduling priority lowered. The caller of `execute` is left as it is.
/// *Thread safety*: TBB calls it from any of its threads; made and destroyed by the arena's owner,
/// before the arena.
class ArenaThreads : tbb::task_scheduler_observer {
 public:
  explicit ArenaThreads(tbb::task_arena& arena);
  ~ArenaThreads() override;
  ArenaThreads(const ArenaThreads&) = delete;
  ArenaThreads& operator=(const ArenaThreads&) = delete;

 private:
  void on_scheduler_entry(bool is_worker) override;
};

}  // namespace coinfer::runtime
