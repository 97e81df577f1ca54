#pragma once

#include "kernels/parallel.hpp"

namespace coinfer::runtime {

/// Settles TBB's own threads when they first join an arena of ours, as if we had made them: all
/// signals blocked, scheduling priority lowered. The caller of `execute` is left as it is.
class ArenaThreads : kernels::ArenaObserver {
 public:
  explicit ArenaThreads(kernels::Arena& arena);
  ~ArenaThreads() override;

 private:
  void entered(int slot, bool is_tbbs) noexcept override;
};

}  // namespace coinfer::runtime
