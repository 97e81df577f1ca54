#include "runtime/config.hpp"

#include <charconv>

#include "coinfer/error.hpp"

namespace coinfer::runtime {
namespace {

struct Rule {
  enum class Kind : std::uint8_t { boolean, count, streams, text, choice, read_only };
  std::string_view name;
  Kind kind;
  std::string_view otherwise;  ///< the default
  std::vector<std::string_view> choices;
};

const std::vector<Rule>& rules() {
  using enum Rule::Kind;
  static const std::vector<Rule> all{
      {"PERFORMANCE_HINT", choice, "LATENCY", {"LATENCY", "THROUGHPUT", "CUMULATIVE_THROUGHPUT"}},
      {"PERFORMANCE_HINT_NUM_REQUESTS", count, "0", {}},
      {"NUM_STREAMS", streams, "", {}},
      {"INFERENCE_NUM_THREADS", count, "0", {}},
      {"INFERENCE_PRECISION_HINT", choice, "f32", {"f32", "bf16", "f16", "dynamic", "undefined"}},
      {"EXECUTION_MODE_HINT", choice, "PERFORMANCE", {"PERFORMANCE", "ACCURACY"}},
      {"PERF_COUNT", boolean, "NO", {}},
      {"ENABLE_CPU_PINNING", boolean, "NO", {}},
      {"ENABLE_HYPER_THREADING", boolean, "YES", {}},
      {"SCHEDULING_CORE_TYPE", choice, "ANY_CORE", {"ANY_CORE", "PCORE_ONLY", "ECORE_ONLY"}},
      {"MODEL_PRIORITY", choice, "MEDIUM", {"LOW", "MEDIUM", "HIGH", "DEFAULT"}},
      {"LOG_LEVEL",
       choice,
       "LOG_NONE",
       {"LOG_NONE", "LOG_ERROR", "LOG_WARNING", "LOG_INFO", "LOG_DEBUG", "LOG_TRACE"}},
      {"CACHE_DIR", text, "", {}},
      {"NETWORK_NAME", read_only, "", {}},
      {"OPTIMAL_NUMBER_OF_INFER_REQUESTS", read_only, "", {}},
      {"EXECUTION_DEVICES", read_only, "", {}},
      {"SUPPORTED_PROPERTIES", read_only, "", {}},
      {"FULL_DEVICE_NAME", read_only, "", {}},
  };
  return all;
}

const Rule& rule(const std::string& name) {
  for (const auto& known : rules()) {
    if (known.name == name) {
      return known;
    }
  }
  std::vector<std::string_view> names;
  for (const auto& known : rules()) {
    names.push_back(known.name);
  }
  throw Error(
      fmt::format("the property '{}' is not known; there are {}", name, fmt::join(names, ", ")));
}

std::string text_of(const Property& property) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return value;
        } else if constexpr (std::is_same_v<T, bool>) {
          return value ? "YES" : "NO";
        } else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, double>) {
          return fmt::format("{}", value);
        } else {
          return "a list";
        }
      },
      property.value());
}

[[noreturn]] void bad_value(const Rule& rule, const Property& property, std::string_view expected) {
  throw Error(fmt::format("the property {} cannot be '{}'; {} was expected", rule.name,
                          text_of(property), expected));
}

bool as_bool(const Rule& rule, const Property& property) {
  const auto text = text_of(property);
  if (text == "YES" || text == "TRUE" || text == "true" || text == "True" || text == "1") {
    return true;
  }
  if (text == "NO" || text == "FALSE" || text == "false" || text == "False" || text == "0") {
    return false;
  }
  bad_value(rule, property, "a boolean");
}

std::int64_t as_count(const Rule& rule, const Property& property, std::int64_t least) {
  const auto text = text_of(property);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > 4096) {
    bad_value(rule, property, fmt::format("a number from {} to 4096", least));
  }
  return value;
}

std::string as_choice(const Rule& rule, const Property& property) {
  auto text = text_of(property);
  if (std::find(rule.choices.begin(), rule.choices.end(), text) == rule.choices.end()) {
    bad_value(rule, property, fmt::format("one of {}", fmt::join(rule.choices, ", ")));
  }
  return text;
}

void check(const std::string& name, const Property& property) {
  const auto& known = rule(name);
  switch (known.kind) {
    case Rule::Kind::boolean:
      as_bool(known, property);
      break;
    case Rule::Kind::count:
      as_count(known, property, 0);
      break;
    case Rule::Kind::streams:
      if (const auto text = text_of(property); text != "AUTO" && text != "NUMA") {
        as_count(known, property, -2);
      }
      break;
    case Rule::Kind::choice:
      as_choice(known, property);
      break;
    case Rule::Kind::text:
      if (!std::holds_alternative<std::string>(property.value())) {
        bad_value(known, property, "a text");
      }
      break;
    case Rule::Kind::read_only:
      throw Error(fmt::format("the property {} is read-only", name));
  }
}

}  // namespace

void check_properties(const Properties& properties) {
  for (const auto& [name, value] : properties) {
    check(name, value);
  }
}

Config Config::from(const Properties& properties, int slots) {
  check_properties(properties);
  Config config;
  config.given = properties;
  const auto given = [&](const char* name) -> const Property* {
    const auto found = properties.find(name);
    return found != properties.end() ? &found->second : nullptr;
  };
  if (const auto* hint = given("PERFORMANCE_HINT")) {
    const auto text = text_of(*hint);
    config.performance_hint = text == "LATENCY"      ? Hint::latency
                              : text == "THROUGHPUT" ? Hint::throughput
                                                     : Hint::cumulative_throughput;
  }
  config.threads = slots;
  if (const auto* threads = given("INFERENCE_NUM_THREADS")) {
    const auto count = as_count(rule("INFERENCE_NUM_THREADS"), *threads, 0);
    // More threads than cores allowed would only take turns; the process's budget is the cores.
    config.threads = count == 0 ? slots : std::min(static_cast<int>(count), slots);
  }
  if (const auto* requests = given("PERFORMANCE_HINT_NUM_REQUESTS")) {
    config.hint_requests =
        static_cast<int>(as_count(rule("PERFORMANCE_HINT_NUM_REQUESTS"), *requests, 0));
  }
  config.streams = config.performance_hint == Hint::latency ? 1 : config.threads;
  if (config.hint_requests > 0) {
    config.streams = std::min(config.streams, config.hint_requests);
  }
  if (const auto* streams = given("NUM_STREAMS")) {
    const auto text = text_of(*streams);
    const auto count =
        text == "AUTO" || text == "NUMA" ? -1 : as_count(rule("NUM_STREAMS"), *streams, -2);
    if (count > 0) {
      config.streams = std::min(static_cast<int>(count), config.threads);
    } else if (count < 0) {
      config.streams = config.threads;
    }
  }
  if (const auto* count = given("PERF_COUNT")) {
    config.perf_count = as_bool(rule("PERF_COUNT"), *count);
  }
  if (const auto* pinning = given("ENABLE_CPU_PINNING")) {
    config.pinning = as_bool(rule("ENABLE_CPU_PINNING"), *pinning);
  }
  return config;
}

Property Config::get(const std::string& name, const std::string& model_name) const {
  const auto& known = rule(name);
  if (name == "NUM_STREAMS") {
    return streams;
  }
  if (name == "INFERENCE_NUM_THREADS") {
    return threads;
  }
  if (name == "OPTIMAL_NUMBER_OF_INFER_REQUESTS") {
    return streams;
  }
  if (name == "NETWORK_NAME") {
    return model_name;
  }
  if (name == "EXECUTION_DEVICES") {
    return std::vector<std::string>{"CPU"};
  }
  if (name == "FULL_DEVICE_NAME") {
    return "CPU";
  }
  if (name == "INFERENCE_PRECISION_HINT") {
    return "f32";  // whatever was hinted: what computes is f32
  }
  if (name == "SUPPORTED_PROPERTIES") {
    std::vector<std::string> names;
    for (const auto& entry : rules()) {
      names.emplace_back(entry.name);
    }
    return names;
  }
  const auto found = given.find(name);
  Property value = found != given.end() ? found->second : Property{std::string{known.otherwise}};
  if (known.kind == Rule::Kind::boolean) {
    return as_bool(known, value);
  }
  if (known.kind == Rule::Kind::count) {
    return as_count(known, value, 0);
  }
  return value;
}

}  // namespace coinfer::runtime
