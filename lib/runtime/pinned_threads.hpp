#pragma once

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <vector>

#include "kernels/parallel.hpp"

namespace coinfer::runtime {

/// Keeps each thread on a core of its own while it computes in an arena (ENABLE_CPU_PINNING); a
/// thread that leaves may run where it could before.
/// *Thread safety*: TBB calls it from any of its threads; made and destroyed by the arena's owner,
/// before the arena.
class PinnedThreads : tbb::task_scheduler_observer {
 public:
  /// `cores`: one for each slot of the arena.
  PinnedThreads(tbb::task_arena& arena, std::vector<int> cores);
  ~PinnedThreads() override;
  PinnedThreads(const PinnedThreads&) = delete;
  PinnedThreads& operator=(const PinnedThreads&) = delete;

 private:
  void on_scheduler_entry(bool is_worker) override;
  void on_scheduler_exit(bool is_worker) override;

  const std::vector<int> cores_;
  kernels::Handover made_;
};

/// The cores of a model's stream: its share, in the order of the process's affinity.
std::vector<int> cores_of_stream(int stream, int threads);

}  // namespace coinfer::runtime
