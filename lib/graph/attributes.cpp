#include "graph/attributes.hpp"

#include "coinfer/error.hpp"

namespace coinfer::graph {
namespace {

template <class T>
const T* get(const Attributes& attributes, std::string_view name, std::string_view kind) {
  const auto* attribute = attributes.find(name);
  if (attribute == nullptr) {
    return nullptr;
  }
  const auto* value = std::get_if<T>(attribute);
  if (value == nullptr) {
    throw Error(fmt::format("the attribute '{}' is not {}", name, kind));
  }
  return value;
}

}  // namespace

void Attributes::set(std::string name, Attribute value) {
  for (auto& [key, old] : entries_) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  entries_.emplace_back(std::move(name), std::move(value));
}

const Attribute* Attributes::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : entries_) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

void Attributes::erase(std::string_view name) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.first == name; });
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t otherwise) const {
  const auto* value = get<std::int64_t>(*this, name, "an integer");
  return value != nullptr ? *value : otherwise;
}

float Attributes::real(std::string_view name, float otherwise) const {
  const auto* value = get<float>(*this, name, "a float");
  return value != nullptr ? *value : otherwise;
}

std::string Attributes::text(std::string_view name, std::string_view otherwise) const {
  const auto* value = get<std::string>(*this, name, "a string");
  return value != nullptr ? *value : std::string{otherwise};
}

std::optional<std::vector<std::int64_t>> Attributes::integers(std::string_view name) const {
  const auto* value = get<std::vector<std::int64_t>>(*this, name, "a list of integers");
  return value != nullptr ? std::optional{*value} : std::nullopt;
}

std::optional<std::vector<float>> Attributes::reals(std::string_view name) const {
  const auto* value = get<std::vector<float>>(*this, name, "a list of floats");
  return value != nullptr ? std::optional{*value} : std::nullopt;
}

Tensor Attributes::tensor(std::string_view name) const {
  const auto* value = get<Tensor>(*this, name, "a tensor");
  return value != nullptr ? *value : Tensor{};
}

std::shared_ptr<Graph> Attributes::graph(std::string_view name) const {
  const auto* value = get<std::shared_ptr<Graph>>(*this, name, "a graph");
  return value != nullptr ? *value : nullptr;
}

}  // namespace coinfer::graph
