#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "coinfer/tensor.hpp"

namespace coinfer::graph {

class Graph;

/// The value of a node's attribute, in ONNX's kinds.
using Attribute =
    std::variant<std::int64_t, float, std::string, Tensor, std::vector<std::int64_t>,
                 std::vector<float>, std::vector<std::string>, std::shared_ptr<Graph>>;

/// A node's attributes by name: few, so a flat list. Looked up while a graph is read, rewritten or
/// lowered, never while it runs.
class Attributes {
 public:
  void set(std::string name, Attribute value);
  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  const Attribute* find(std::string_view name) const noexcept;
  void erase(std::string_view name);

  /// The value when present, else `otherwise`; throws Error that names the attribute when it is of
  /// another kind.
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  float real(std::string_view name, float otherwise) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  /// nullopt when absent.
  std::optional<std::vector<std::int64_t>> integers(std::string_view name) const;
  std::optional<std::vector<float>> reals(std::string_view name) const;
  Tensor tensor(std::string_view name) const;                 ///< null when absent
  std::shared_ptr<Graph> graph(std::string_view name) const;  ///< null when absent

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<std::pair<std::string, Attribute>> entries_;
};

}  // namespace coinfer::graph
