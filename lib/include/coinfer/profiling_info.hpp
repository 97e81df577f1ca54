#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace coinfer {

/// What one node of a model took in a request's last run.
struct ProfilingInfo {
  enum class Status : std::uint8_t {
    not_run,        ///< the last run did not come to it, or PERF_COUNT is off
    optimized_out,  ///< its work is done by another node, or was known while planning
    executed,
  };
  Status status = Status::not_run;
  std::string node_name;
  std::string node_type;  ///< "Conv"; with what was fused into it: "Conv+Relu"
  std::string exec_type;  ///< oneDNN's name of the implementation that took longest, or "kernel"
  std::chrono::nanoseconds real_time{0};  ///< of all its steps together
  std::chrono::nanoseconds cpu_time{0};   ///< the same: the time of the thread that ran the step
};

}  // namespace coinfer
