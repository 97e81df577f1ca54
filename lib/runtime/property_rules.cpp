#include "runtime/property_rules.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "coinfer/error.hpp"

namespace coinfer::runtime {
namespace {

constexpr std::int64_t most_count = 4096;

std::vector<PropertyRule> make_rules() {
  using enum PropertyRule::Kind;
  using Place = PropertyRule::Place;
  const std::vector<std::string_view> cache_types{"u8", "bf16", "f16", "f32"};
  return {
      {.name = "SUPPORTED_PROPERTIES", .kind = read_only},
      {.name = "AVAILABLE_DEVICES", .kind = read_only, .place = Place::core},
      {.name = "RANGE_FOR_ASYNC_INFER_REQUESTS", .kind = read_only, .place = Place::core},
      {.name = "RANGE_FOR_STREAMS", .kind = read_only, .place = Place::core},
      {.name = "EXECUTION_DEVICES", .kind = read_only},
      {.name = "FULL_DEVICE_NAME", .kind = read_only, .place = Place::core},
      {.name = "OPTIMIZATION_CAPABILITIES", .kind = read_only, .place = Place::core},
      {.name = "DEVICE_TYPE", .kind = read_only, .place = Place::core},
      {.name = "DEVICE_ARCHITECTURE", .kind = read_only, .place = Place::core},
      {.name = "NETWORK_NAME", .kind = read_only, .place = Place::compiled},
      {.name = "OPTIMAL_NUMBER_OF_INFER_REQUESTS", .kind = read_only, .place = Place::compiled},
      {.name = "LOADED_FROM_CACHE", .kind = read_only, .place = Place::compiled},
      {.name = "RUNTIME_REQUIREMENTS", .kind = read_only, .place = Place::compiled},
      {.name = "NUM_STREAMS", .kind = streams, .otherwise = "1"},
      {.name = "INFERENCE_NUM_THREADS", .kind = count, .otherwise = "0"},
      {.name = "PERF_COUNT", .kind = boolean, .otherwise = "NO"},
      {.name = "INFERENCE_PRECISION_HINT",
       .kind = choice,
       .otherwise = "f32",
       .choices = {"f32", "bf16", "f16", "dynamic", "undefined", ""},
       .other_names = {{"FP32", "f32"}, {"BF16", "bf16"}, {"FP16", "f16"}}},
      {.name = "PERFORMANCE_HINT",
       .kind = choice,
       .otherwise = "LATENCY",
       .choices = {"LATENCY", "THROUGHPUT", "CUMULATIVE_THROUGHPUT"}},
      {.name = "EXECUTION_MODE_HINT",
       .kind = choice,
       .otherwise = "PERFORMANCE",
       .choices = {"PERFORMANCE", "ACCURACY"}},
      {.name = "PERFORMANCE_HINT_NUM_REQUESTS", .kind = count, .otherwise = "0"},
      {.name = "MODEL_PRIORITY",
       .kind = choice,
       .otherwise = "MEDIUM",
       .choices = {"LOW", "MEDIUM", "HIGH", "DEFAULT"}},
      {.name = "ENABLE_CPU_PINNING", .kind = boolean, .otherwise = "NO"},
      {.name = "ENABLE_CPU_RESERVATION", .kind = boolean, .otherwise = "NO", .no_effect = true},
      {.name = "SCHEDULING_CORE_TYPE",
       .kind = choice,
       .otherwise = "ANY_CORE",
       .choices = {"ANY_CORE", "PCORE_ONLY", "ECORE_ONLY"},
       .no_effect = true},
      {.name = "MODEL_DISTRIBUTION_POLICY",
       .kind = choices,
       .choices = {"TENSOR_PARALLEL"},
       .no_effect = true},
      {.name = "ENABLE_HYPER_THREADING", .kind = boolean, .otherwise = "YES", .no_effect = true},
      {.name = "DEVICE_ID", .kind = choice, .choices = {""}, .place = Place::core},
      {.name = "CPU_DENORMALS_OPTIMIZATION", .kind = boolean, .otherwise = "NO", .no_effect = true},
      {.name = "LOG_LEVEL",
       .kind = choice,
       .otherwise = "LOG_NONE",
       .choices = {"LOG_NONE", "LOG_ERROR", "LOG_WARNING", "LOG_INFO", "LOG_DEBUG", "LOG_TRACE"}},
      {.name = "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE",
       .kind = real,
       .otherwise = "1",
       .no_effect = true},
      {.name = "ENABLE_TENSOR_PARALLEL", .kind = boolean, .otherwise = "NO", .no_effect = true},
      {.name = "TBB_PARTITIONER",
       .kind = choice,
       .otherwise = "STATIC",
       .choices = {"STATIC", "AUTO"},
       .no_effect = true},
      {.name = "DYNAMIC_QUANTIZATION_GROUP_SIZE",
       .kind = count,
       .otherwise = "0",
       .no_effect = true},
      {.name = "KV_CACHE_PRECISION",
       .kind = choice,
       .otherwise = "f32",
       .choices = cache_types,
       .no_effect = true},
      {.name = "KEY_CACHE_PRECISION",
       .kind = choice,
       .otherwise = "f32",
       .choices = cache_types,
       .no_effect = true},
      {.name = "VALUE_CACHE_PRECISION",
       .kind = choice,
       .otherwise = "f32",
       .choices = cache_types,
       .no_effect = true},
      {.name = "KEY_CACHE_GROUP_SIZE", .kind = count, .otherwise = "0", .no_effect = true},
      {.name = "VALUE_CACHE_GROUP_SIZE", .kind = count, .otherwise = "0", .no_effect = true},
      {.name = "ENABLE_WEIGHTLESS",
       .kind = boolean,
       .otherwise = "NO",
       .place = Place::core,
       .no_effect = true},
      {.name = "WEIGHTS_PATH", .kind = text, .place = Place::core, .write_only = true},
      {.name = "CACHE_DIR", .kind = text},
      {.name = "CACHE_MODE",
       .kind = choice,
       .otherwise = "OPTIMIZE_SPEED",
       .choices = {"OPTIMIZE_SPEED", "OPTIMIZE_SIZE"},
       .place = Place::core},
      {.name = "ENABLE_MMAP", .kind = boolean, .otherwise = "YES", .place = Place::core},
      {.name = "FORCE_TBB_TERMINATE",
       .kind = boolean,
       .otherwise = "NO",
       .place = Place::core,
       .no_effect = true},
      {.name = "EXCLUSIVE_ASYNC_REQUESTS",
       .kind = boolean,
       .otherwise = "NO",
       .place = Place::core,
       .no_effect = true},
      {.name = "ALLOW_AUTO_BATCHING",
       .kind = boolean,
       .otherwise = "NO",
       .place = Place::core,
       .no_effect = true},
      {.name = "AUTO_BATCH_TIMEOUT",
       .kind = count,
       .otherwise = "1000",
       .place = Place::core,
       .no_effect = true},
  };
}

[[noreturn]] void bad_value(const PropertyRule& rule, const Property& property,
                            std::string_view expected) {
  throw Error(fmt::format("the property {} cannot be '{}'; {} was expected", rule.name,
                          property_text(property), expected));
}

template <class Number>
bool parse(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::span<const PropertyRule> property_rules() {
  static const auto rules = make_rules();
  return rules;
}

const PropertyRule& property_rule(const std::string& name) {
  for (const auto& rule : property_rules()) {
    if (rule.name == name) {
      return rule;
    }
  }
  throw Error(fmt::format(
      "the property '{}' is not known; SUPPORTED_PROPERTIES lists those that are", name));
}

bool as_bool(const PropertyRule& rule, const Property& property) {
  auto text = property_text(property);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text == "yes" || text == "true" || text == "on" || text == "1") {
    return true;
  }
  if (text == "no" || text == "false" || text == "off" || text == "0") {
    return false;
  }
  bad_value(rule, property, "a boolean");
}

std::int64_t as_count(const PropertyRule& rule, const Property& property, std::int64_t least) {
  std::int64_t value = 0;
  if (!parse(property_text(property), value) || value < least || value > most_count) {
    bad_value(rule, property, fmt::format("a number from {} to {}", least, most_count));
  }
  return value;
}

double as_real(const PropertyRule& rule, const Property& property) {
  double value = 0;
  if (!parse(property_text(property), value) || !(value >= 0 && value <= 1)) {
    bad_value(rule, property, "a number from 0 to 1");
  }
  return value;
}

std::int64_t as_streams(const PropertyRule& rule, const Property& property) {
  const auto text = property_text(property);
  if (text == "AUTO" || text == "NUMA") {
    return -1;
  }
  std::int64_t value = 0;
  if (!parse(text, value) || value < -2 || value > most_count) {
    bad_value(rule, property, fmt::format("a number from 0 to {}, AUTO or NUMA", most_count));
  }
  return value < 0 ? -1 : value;
}

std::string as_choice(const PropertyRule& rule, const Property& property) {
  auto text = property_text(property);
  for (const auto& [name, meaning] : rule.other_names) {
    if (text == name) {
      return std::string{meaning};
    }
  }
  if (std::find(rule.choices.begin(), rule.choices.end(), text) == rule.choices.end()) {
    bad_value(rule, property, fmt::format("one of {}", fmt::join(rule.choices, ", ")));
  }
  return text;
}

Property normalized(const PropertyRule& rule, const Property& property) {
  using Kind = PropertyRule::Kind;
  switch (rule.kind) {
    case Kind::boolean:
      return as_bool(rule, property);
    case Kind::count:
      return as_count(rule, property, 0);
    case Kind::streams:
      return as_streams(rule, property);
    case Kind::real:
      return as_real(rule, property);
    case Kind::choice:
      return as_choice(rule, property);
    case Kind::choices: {
      const auto* given = std::get_if<std::vector<std::string>>(&property.value());
      auto texts = given != nullptr ? *given : std::vector<std::string>{};
      if (const auto* text = std::get_if<std::string>(&property.value()); text && !text->empty()) {
        texts.push_back(*text);
      }
      for (const auto& text : texts) {
        as_choice(rule, text);
      }
      return texts;
    }
    case Kind::text:
      if (!std::holds_alternative<std::string>(property.value())) {
        bad_value(rule, property, "a text");
      }
      return property;
    case Kind::read_only:
      break;
  }
  throw Error(fmt::format("the property {} is read-only", rule.name));
}

void check_property(const std::string& name, const Property& property) {
  normalized(property_rule(name), property);
}

}  // namespace coinfer::runtime

namespace coinfer {

std::string property_text(const Property& property) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          return value;
        } else if constexpr (std::is_same_v<T, bool>) {
          return value ? "YES" : "NO";
        } else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, double>) {
          return fmt::format("{}", value);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return fmt::format("[{}]", fmt::join(value, ", "));
        } else {
          return "a list";
        }
      },
      property.value());
}

Access access_of(const std::string& property) {
  const auto& rule = runtime::property_rule(property);
  return rule.kind == runtime::PropertyRule::Kind::read_only ? Access::read_only
         : rule.write_only                                   ? Access::write_only
                                                             : Access::read_write;
}

}  // namespace coinfer
