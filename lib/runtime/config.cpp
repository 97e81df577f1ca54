#include "runtime/config.hpp"

#include "coinfer/error.hpp"
#include "coinfer/version.hpp"
#include "plan/precision.hpp"
#include "runtime/device.hpp"
#include "runtime/property_rules.hpp"

namespace coinfer::runtime {
namespace {

using Kind = PropertyRule::Kind;
using Place = PropertyRule::Place;

std::vector<std::string> supported(bool compiled) {
  std::vector<std::string> names;
  for (const auto& rule : property_rules()) {
    const bool here = rule.place == Place::both || (rule.place == Place::compiled) == compiled;
    if (here) {
      names.emplace_back(rule.name);
    }
  }
  return names;
}

Property otherwise(const PropertyRule& rule) {
  return normalized(rule, Property{std::string{rule.otherwise}});
}

/// What is hinted; without a hint bf16 where the processor has it, unless accuracy goes first.
std::string precision(const Properties& properties) {
  const auto hint = properties.find("INFERENCE_PRECISION_HINT");
  if (hint != properties.end()) {
    return std::get<std::string>(
        normalized(property_rule("INFERENCE_PRECISION_HINT"), hint->second).value());
  }
  const auto mode = properties.find("EXECUTION_MODE_HINT");
  const bool accurate =
      mode != properties.end() &&
      normalized(property_rule("EXECUTION_MODE_HINT"), mode->second) == Property{"ACCURACY"};
  return !accurate && plan::has_bf16() ? "bf16" : "f32";
}

}  // namespace

void check_properties(const Properties& properties) {
  for (const auto& [name, value] : properties) {
    check_property(name, value);
  }
}

Config Config::from(const Properties& properties, int slots) {
  check_properties(properties);
  Config config;
  config.given = properties;
  const auto value = [&](const char* name) {
    const auto found = properties.find(name);
    const auto& rule = property_rule(name);
    return found != properties.end() ? normalized(rule, found->second) : otherwise(rule);
  };
  const auto text = [&](const char* name) { return std::get<std::string>(value(name).value()); };
  const auto flag = [&](const char* name) { return std::get<bool>(value(name).value()); };
  const auto count = [&](const char* name) {
    return static_cast<int>(std::get<std::int64_t>(value(name).value()));
  };

  const auto hint = text("PERFORMANCE_HINT");
  config.performance_hint = hint == "LATENCY"      ? Hint::latency
                            : hint == "THROUGHPUT" ? Hint::throughput
                                                   : Hint::cumulative_throughput;
  // More threads than cores allowed would only take turns; the process's budget is the cores.
  const auto threads = count("INFERENCE_NUM_THREADS");
  config.threads = threads == 0 ? slots : std::min(threads, slots);
  config.hint_requests = count("PERFORMANCE_HINT_NUM_REQUESTS");
  config.streams = config.performance_hint == Hint::latency ? 1 : config.threads;
  if (config.hint_requests > 0) {
    config.streams = std::min(config.streams, config.hint_requests);
  }
  if (properties.contains("NUM_STREAMS")) {
    if (const auto streams = count("NUM_STREAMS"); streams > 0) {
      config.streams = std::min(streams, config.threads);
    } else if (streams < 0) {
      config.streams = config.threads;
    }
  }
  const auto priority = text("MODEL_PRIORITY");
  config.priority = priority == "HIGH" ? 1 : priority == "LOW" ? -1 : 0;
  config.perf_count = flag("PERF_COUNT");
  const auto level = text("LOG_LEVEL");
  config.warns = level != "LOG_NONE" && level != "LOG_ERROR";
  config.bf16 = precision(properties) == "bf16" && plan::has_bf16();
  config.pinning = flag("ENABLE_CPU_PINNING");
  config.memory_mapping = flag("ENABLE_MMAP");
  config.cache_directory = text("CACHE_DIR");
  config.cache_for_speed = text("CACHE_MODE") == "OPTIMIZE_SPEED";
  return config;
}

Property Config::get(const std::string& name, const std::string& model_name) const {
  const auto& rule = property_rule(name);
  if (rule.place == Place::core) {
    throw Error(fmt::format("the property {} is one of the device, not of a compiled model", name));
  }
  if (name == "NUM_STREAMS" || name == "OPTIMAL_NUMBER_OF_INFER_REQUESTS") {
    return streams;
  }
  if (name == "INFERENCE_NUM_THREADS") {
    return threads;
  }
  if (name == "NETWORK_NAME") {
    return model_name;
  }
  if (name == "EXECUTION_DEVICES") {
    return std::vector<std::string>{"CPU"};
  }
  if (name == "LOADED_FROM_CACHE") {
    return loaded_from_cache;
  }
  if (name == "RUNTIME_REQUIREMENTS") {
    return fmt::format("coinfer={};isa={}", version(), cpu_isa());
  }
  if (name == "SUPPORTED_PROPERTIES") {
    return supported(true);
  }
  if (name == "INFERENCE_PRECISION_HINT") {
    return bf16 ? "bf16" : "f32";  // what computes, whatever was hinted
  }
  const auto found = given.find(name);
  return found != given.end() && !rule.no_effect ? normalized(rule, found->second)
                                                 : otherwise(rule);
}

Property core_property(const Properties& given, const std::string& name, int slots) {
  const auto& rule = property_rule(name);
  if (rule.place == Place::compiled) {
    throw Error(fmt::format("the property {} is one of a compiled model, not of a device", name));
  }
  if (name == "AVAILABLE_DEVICES") {
    return std::vector<std::string>{""};  // the CPU has no number
  }
  if (name == "RANGE_FOR_ASYNC_INFER_REQUESTS") {
    return std::vector<std::int64_t>{1, 1, 1};
  }
  if (name == "RANGE_FOR_STREAMS") {
    return std::vector<std::int64_t>{1, slots};
  }
  if (name == "EXECUTION_DEVICES") {
    return std::vector<std::string>{"CPU"};
  }
  if (name == "FULL_DEVICE_NAME") {
    return cpu_name();
  }
  if (name == "OPTIMIZATION_CAPABILITIES") {
    std::vector<std::string> capabilities{"FP32", "EXPORT_IMPORT"};
    if (plan::has_bf16()) {
      capabilities.insert(capabilities.begin(), "BF16");
    }
    return capabilities;
  }
  if (name == "DEVICE_TYPE") {
    return "INTEGRATED";
  }
  if (name == "DEVICE_ARCHITECTURE") {
    return "intel64";
  }
  if (name == "SUPPORTED_PROPERTIES") {
    return supported(false);
  }
  if (name == "INFERENCE_PRECISION_HINT") {
    return precision(given);
  }
  const auto found = given.find(name);
  return found != given.end() ? normalized(rule, found->second) : otherwise(rule);
}

}  // namespace coinfer::runtime
