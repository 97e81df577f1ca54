#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coinfer/layout.hpp"
#include "coinfer/model.hpp"
#include "coinfer/tensor.hpp"

namespace coinfer {

/// The value of an operator's attribute.
using NodeAttribute =
    std::variant<std::int64_t, double, std::string, Tensor, std::vector<std::int64_t>,
                 std::vector<double>, std::vector<std::string>>;

class NodeOutput;

/// What of a node notes are on: itself, or one of its ports.
struct NotesPlace {
  enum class Of : std::uint8_t { node, input, output };
  Of of = Of::node;
  std::size_t port = 0;

  friend bool operator==(NotesPlace, NotesPlace) noexcept = default;
};

/// A parameter, result, constant or operation of a model, or a sink: what assigns a variable. A
/// handle that keeps its model; it is valid until nodes are added to the model or taken away.
/// *Thread safety*: as for Model.
class Node {
 public:
  enum class Kind : std::uint8_t { parameter, result, constant, operation, sink };
  /// `index`: among the model's inputs, outputs, values, operations or variables.
  Node(Model model, Kind kind, std::size_t index)
      : model_{std::move(model)}, kind_{kind}, index_{index} {}

  const Model& model() const noexcept { return model_; }
  Kind kind() const noexcept { return kind_; }
  std::size_t index() const noexcept { return index_; }

  /// Of a parameter and a result made from the tensor's name when the file gives none.
  std::string friendly_name() const;
  /// Throws Error for a constant, which is named by its tensor.
  void set_friendly_name(std::string name) const;
  /// "Conv", "Parameter", "Result", "Constant", "Assign".
  std::string type_name() const;

  std::size_t input_size() const;
  std::size_t output_size() const;
  /// What input `index` reads; inputs that are left out are not counted. Throws Error.
  NodeOutput input_value(std::size_t index) const;
  NodeOutput output(std::size_t index) const;

  /// Of an operation, by name; bodies of control flow are left out.
  std::vector<std::pair<std::string, NodeAttribute>> attributes() const;
  /// Of a constant; null else.
  Tensor constant() const;
  /// Of a parameter or result; empty for others.
  Layout layout() const;
  void set_layout(const Layout& layout) const;
  /// A copy of the notes there. Those on an output are on its tensor, and the layout of a
  /// parameter or result is one of them, "layout_0".
  RtInfo rt_info(NotesPlace place = {}) const;
  /// Adds a note or replaces it.
  void set_rt_info(const std::string& name, RtInfo note, NotesPlace place = {}) const;
  /// False when there is none.
  bool erase_rt_info(const std::string& name, NotesPlace place = {}) const;

  friend bool operator==(const Node&, const Node&) noexcept = default;

 private:
  friend class NodeOutput;
  graph::ValueId value(std::size_t output) const;
  graph::ValueId input_id(std::size_t index) const;
  void check() const;
  const graph::Notes* find_notes(NotesPlace place) const;
  graph::Notes& notes(NotesPlace place) const;

  Model model_;
  Kind kind_;
  std::size_t index_;
};

/// One output of a node.
class NodeOutput {
 public:
  NodeOutput(Node node, std::size_t index) : node_{std::move(node)}, index_{index} {}

  const Node& node() const noexcept { return node_; }
  std::size_t index() const noexcept { return index_; }
  /// Names, type and shape as they are now.
  PortRef port() const;
  /// Nodes that read it, with the index of the input.
  std::vector<std::pair<Node, std::size_t>> targets() const;
  /// Replaces the tensor's names; throws Error when another tensor has one of them.
  void set_names(std::vector<std::string> names) const;

  friend bool operator==(const NodeOutput&, const NodeOutput&) noexcept = default;

 private:
  friend class Model;
  graph::ValueId id() const;

  Node node_;
  std::size_t index_;
};

/// All nodes of a model: parameters, constants, operations in topological order, sinks, results.
std::vector<Node> nodes_of(const Model& model);

/// What a model keeps from one inference to the next, as it declares it.
struct VariableInfo {
  std::string name;
  ElementType type = ElementType::dynamic;
  PartialShape shape;
};
std::vector<VariableInfo> variables_of(const Model& model);

}  // namespace coinfer
