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
  int priority = 0;       ///< MODEL_PRIORITY: -1, 0 or 1
  bool perf_count = false;
  bool warns = false;  ///< LOG_LEVEL: to the standard error stream
  bool bf16 =
      false;  ///< INFERENCE_PRECISION_HINT and EXECUTION_MODE_HINT, where the machine has it
  bool pinning = false;         ///< ENABLE_CPU_PINNING
  bool memory_mapping = true;   ///< ENABLE_MMAP
  std::string cache_directory;  ///< CACHE_DIR; empty: no cache
  bool cache_for_speed = true;  ///< CACHE_MODE
  bool loaded_from_cache = false;
  Properties given;  ///< as they came; those without a field of their own are only reported

  /// Compute threads of one stream.
  int threads_per_stream() const { return threads / streams; }

  /// Throws Error naming the property for an unknown one or a value it cannot have.
  static Config from(const Properties& properties, int slots);
  /// What is in force in a compiled model. Throws Error when it is no property of one.
  Property get(const std::string& name, const std::string& model_name) const;
};

/// What a Core says of itself and its device: a property as `given` to it, else its default.
Property core_property(const Properties& given, const std::string& name, int slots);

/// Checks names and values without making a Config.
void check_properties(const Properties& properties);

}  // namespace coinfer::runtime
