#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coinfer/property.hpp"

/// Which properties there are and what values they take.
namespace coinfer::runtime {

struct PropertyRule {
  enum class Kind : std::uint8_t {
    boolean,
    count,
    streams,
    text,
    choice,
    choices,
    real,
    read_only
  };
  std::string_view name;
  Kind kind = Kind::text;
  std::string_view otherwise;             ///< the default, as text
  std::vector<std::string_view> choices;  ///< of a choice
  /// Of a choice: other texts that are taken, and what they mean.
  std::vector<std::pair<std::string_view, std::string_view>> other_names = {};
  /// Of a device (asked from a Core), of a compiled model, or of both.
  enum class Place : std::uint8_t { both, core, compiled };
  Place place = Place::both;
  /// It may be given and is then only reported by the Core: what is in force is the default.
  bool no_effect = false;
  bool write_only = false;
};

std::span<const PropertyRule> property_rules();

/// The rule of that name; throws Error listing what there is.
const PropertyRule& property_rule(const std::string& name);

// Values; they throw Error naming the property, what came, and what was expected.
bool as_bool(const PropertyRule& rule, const Property& property);
std::int64_t as_count(const PropertyRule& rule, const Property& property, std::int64_t least);
double as_real(const PropertyRule& rule, const Property& property);
/// -1: as many as the threads allow.
std::int64_t as_streams(const PropertyRule& rule, const Property& property);
std::string as_choice(const PropertyRule& rule, const Property& property);
/// The value in the property's own type.
Property normalized(const PropertyRule& rule, const Property& property);

/// Throws Error for a name that is unknown or read-only, or a value it cannot have.
void check_property(const std::string& name, const Property& property);

}  // namespace coinfer::runtime
