#pragma once

#include <string>

#include "coinfer/property.hpp"

namespace coinfer::runtime {

/// The properties that a compiled model was made with, checked, as numbers.
struct Config {
  enum class Hint : std::uint8_t { latency, throughput, cumulative_throughput };
  Hint performance_hint = Hint::latency;
  int streams = 1;
  int threads = 1;        ///< of all streams together
  int hint_requests = 0;  ///< PERFORMANCE_HINT_NUM_REQUESTS; 0: no hint
  bool perf_count = false;
  bool pinning = false;  ///< ENABLE_CPU_PINNING
  Properties given;      ///< as they came; those without a field of their own are only reported

  /// Compute threads of one stream.
  int threads_per_stream() const { return threads / streams; }
  int optimal_requests() const;

  /// Throws Error naming the property for an unknown one or a value it cannot have.
  static Config from(const Properties& properties, int slots);
  /// Throws Error when a property is not one of a compiled model.
  Property get(const std::string& name, const std::string& model_name) const;
};

/// Checks names and values without making a Config.
void check_properties(const Properties& properties);

}  // namespace coinfer::runtime
