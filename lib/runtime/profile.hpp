#pragma once

#include <memory>
#include <vector>

#include "coinfer/operation.hpp"
#include "coinfer/profiling_info.hpp"
#include "runtime/compiled.hpp"

namespace coinfer::runtime {

/// The times of a run's steps, kept when PERF_COUNT is on; a stage that runs several times is
/// summed up.
class Profile {
 public:
  void clear() { stages_.clear(); }
  void add(const std::shared_ptr<const StagePlan>& stage, const plan::StepTimes& times);

  struct Stage {
    std::shared_ptr<const StagePlan> plan;
    plan::StepTimes times;
  };
  const std::vector<Stage>& stages() const { return stages_; }

 private:
  std::vector<Stage> stages_;
};

/// One entry for each node of the compiled model, those that ran first. `operation` is the last run
/// or null.
std::vector<ProfilingInfo> profile_of(const Compiled& model, Operation* operation);

}  // namespace coinfer::runtime
