#pragma once

#include <vector>

#include "kernels/parallel.hpp"

namespace coinfer::runtime {

/// Keeps each thread on a core of its own while it computes in an arena (ENABLE_CPU_PINNING); a
/// thread that leaves may run where it could before.
class PinnedThreads : kernels::ArenaObserver {
 public:
  /// `cores`: one for each slot of the arena.
  PinnedThreads(kernels::Arena& arena, std::vector<int> cores);
  ~PinnedThreads() override;

 private:
  void entered(int slot, bool is_tbbs) noexcept override;
  void left() noexcept override;

  const std::vector<int> cores_;
};

/// The cores of a model's stream: its share, in the order of the process's affinity.
std::vector<int> cores_of_stream(int stream, int threads);

}  // namespace coinfer::runtime
