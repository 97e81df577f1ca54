#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coinfer/element_type.hpp"
#include "coinfer/rt_info.hpp"
#include "coinfer/shape.hpp"

namespace coinfer {

namespace graph {
class Graph;
class Notes;
struct Value;
struct ValueId;
}  // namespace graph
class Node;
class NodeOutput;

/// An input or output of a model: its names, element type and shape.
/// *Thread safety*: shared objects: safe, immutable.
struct Port {
  std::vector<std::string> names;  ///< tensor names; may be empty
  std::string node_name;           ///< name of the node (or parameter) it belongs to
  ElementType type = ElementType::dynamic;
  PartialShape shape;
  std::size_t index = 0;  ///< among the model's inputs or outputs
  bool is_output = false;
  /// Of a compiled model's port. Changing them while another thread reads them is not safe.
  std::shared_ptr<RtInfo> rt_info = std::make_shared<RtInfo>();

  /// Notes are not compared.
  friend bool operator==(const Port& a, const Port& b) {
    return a.names == b.names && a.node_name == b.node_name && a.type == b.type &&
           a.shape == b.shape && a.index == b.index && a.is_output == b.is_output;
  }

  bool has_name(std::string_view name) const noexcept;
  /// The first name; throws Error when there is none.
  const std::string& any_name() const;
};
using PortRef = std::shared_ptr<const Port>;

/// All names of a tensor.
std::vector<std::string> names_of(const graph::Value& value);

/// A network as read from a file. A handle: copies are the same model.
/// *Thread safety*: distinct models: safe. Shared models: reading is safe, `reshape` is not.
class Model {
 public:
  Model() = default;
  explicit Model(std::shared_ptr<graph::Graph> graph, std::string path = {});

  const std::vector<PortRef>& inputs() const { return impl_->inputs; }
  const std::vector<PortRef>& outputs() const { return impl_->outputs; }
  /// By tensor name or index; throws Error listing what there is.
  PortRef input(std::string_view name) const;
  PortRef output(std::string_view name) const;
  PortRef input(std::size_t index) const;
  PortRef output(std::size_t index) const;

  /// Has any tensor a shape that is not fixed?
  bool is_dynamic() const;
  const std::string& friendly_name() const;
  void set_friendly_name(std::string name);
  /// Sets input shapes, by index, and those of variables, by name, and infers the rest anew; throws
  /// Error for a variable that there is none of, or that its initial value does not fit. On an
  /// error the model is as before.
  void reshape(const std::vector<std::pair<std::size_t, PartialShape>>& shapes,
               const std::vector<std::pair<std::string, PartialShape>>& variables = {});
  /// Infers all types and shapes anew. Throws Error naming a node.
  void validate() { reshape({}); }

  /// Makes a tensor, named by one of its names or as an output of a node, an output of the model;
  /// one that is an output already stays it. Throws Error when there is none.
  PortRef add_output(std::string_view tensor_name);
  PortRef add_output(std::string_view node_name, std::size_t output);
  PortRef add_output(const NodeOutput& tensor);
  /// The model without that output. Throws Error when there is none.
  void remove_output(std::size_t index);
  /// The model without that input. Throws Error when there is none, or when something reads it.
  void remove_input(std::size_t index);
  /// Another output that is the output `index` again. Throws Error when there is none.
  void repeat_output(std::size_t index);
  /// The model without the assignment of variable `index`, which keeps its value.
  void remove_sink(std::size_t index);
  /// A copy that can be changed on its own; weights are shared.
  Model clone() const;
  /// A copy with these outputs (results, or outputs of any nodes), inputs and sinks, and no node
  /// that they do not need. Throws Error for nodes of another model, a parameter given twice, and
  /// one that is needed and not given.
  Model part(const std::vector<NodeOutput>& outputs, const std::vector<Node>& parameters,
             const std::vector<Node>& sinks, std::string name) const;

  const RtInfo& rt_info() const;
  /// Adds a note at a path or replaces it. Throws Error when a value stands on the way there.
  void set_rt_info(std::span<const std::string> path, RtInfo note);
  /// False when there is none of that name.
  bool erase_rt_info(const std::string& name);

  const graph::Graph& graph() const { return *impl_->graph; }
  /// Replaces the graph by a changed copy.
  void replace_graph(std::shared_ptr<graph::Graph> graph);
  /// The file it was read from; empty when read from bytes.
  const std::string& path() const { return impl_->path; }
  explicit operator bool() const noexcept { return impl_ != nullptr; }
  friend bool operator==(const Model& a, const Model& b) noexcept { return a.impl_ == b.impl_; }

 private:
  struct Impl {
    std::shared_ptr<graph::Graph> graph;
    std::vector<PortRef> inputs;
    std::vector<PortRef> outputs;
    std::string path;
  };
  friend class Node;
  friend class NodeOutput;
  static void list_ports(Impl& impl);
  void relist_ports();
  PortRef add_output(graph::ValueId id);
  std::shared_ptr<Impl> impl_;
};

}  // namespace coinfer
