#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace coinfer {

/// A property's value. Names and meanings are OpenVINO's.
class Property {
 public:
  using Value =
      std::variant<std::monostate, bool, std::int64_t, double, std::string,
                   std::vector<std::string>, std::vector<std::int64_t>, std::vector<double>>;
  Property() = default;
  Property(bool value) : value_{value} {}
  Property(int value) : value_{std::int64_t{value}} {}
  Property(std::int64_t value) : value_{value} {}
  Property(double value) : value_{value} {}
  Property(const char* value) : value_{std::string{value}} {}
  Property(std::string value) : value_{std::move(value)} {}
  Property(std::vector<std::string> value) : value_{std::move(value)} {}
  Property(std::vector<std::int64_t> value) : value_{std::move(value)} {}
  Property(std::vector<double> value) : value_{std::move(value)} {}

  const Value& value() const noexcept { return value_; }
  friend bool operator==(const Property&, const Property&) = default;

 private:
  Value value_;
};

/// The value as configurations write it: "YES", "4", "LATENCY".
std::string property_text(const Property& property);

using Properties = std::map<std::string, Property>;

/// What may be done with a property of a Core; those of a compiled model can only be read.
enum class Access : std::uint8_t { read_only, read_write, write_only };
/// Throws Error naming an unknown property.
Access access_of(const std::string& property);

}  // namespace coinfer
