#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "frontends/onnx/attributes.hpp"
#include "frontends/onnx/functions.hpp"
#include "frontends/onnx/tensors.hpp"
#include "frontends/onnx/types.hpp"
#include "frontends/onnx/wire.hpp"
#include "graph/graph.hpp"

namespace coinfer::frontends::onnx {

/// Builds the graph of a walked model: names become value ids, functions are inlined, Constant
/// nodes become constants, bodies of control flow become graphs of their own whose last inputs are
/// the outer values they read. One use per object.
class Builder {
 public:
  Builder(const ModelView& model, TensorReader& tensors);

  /// Nodes sorted, types and shapes not yet inferred. Throws ModelFileError, Unsupported.
  std::shared_ptr<graph::Graph> build();

  /// What the file declares of the main graph's outputs and inner values.
  struct Promise {
    graph::ValueId value;
    Declared declared;
  };
  const std::vector<Promise>& promises() const { return promises_; }

 private:
  /// The names that nodes of one graph, or of one inlined function, see.
  struct Scope {
    graph::Graph& graph;
    Scope* outer;  ///< the enclosing graph's scope; null for the main graph and for functions
    const Opsets& opsets;
    const Bindings* bindings = nullptr;  ///< null outside of functions
    std::string prefix;                  ///< of names inside an inlined function
    std::unordered_map<std::string_view, graph::ValueId> names;
    std::unordered_map<std::string_view, graph::ValueId> targets;  ///< a function's outputs
    std::vector<std::pair<graph::ValueId, graph::ValueId>>
        captures;  ///< outer value, its copy here
  };

  void add_initializers(const GraphView& view, Scope& scope);
  void add_inputs(const GraphView& view, Scope& scope, bool typed);
  void add_outputs(const GraphView& view, Scope& scope);
  void declare_results(const std::vector<NodeView>& nodes, Scope& scope);
  void add_nodes(const std::vector<NodeView>& nodes, Scope& scope);
  void add_node(const NodeView& view, Scope& scope);
  void add_attributes(const NodeView& view, graph::Node& node, Scope& scope);
  void add_bodies(std::vector<std::pair<std::string, const GraphView*>> bodies, graph::Node& node,
                  Scope& scope);
  void inline_function(const NodeView& view, const Function& function, Scope& scope);
  void note_promises(const GraphView& view, const Scope& scope);
  [[noreturn]] void fail_unknown() const;

  std::string title(const NodeView& view, const Scope& scope) const;
  bool is_constant(const NodeView& view) const;
  /// The node's name in the file, else its first output's.
  static std::string_view name_of(const NodeView& view);
  static std::optional<graph::ValueId> find(std::string_view name, Scope& scope);

  const ModelView& model_;
  TensorReader& tensors_;
  Functions functions_;
  Opsets opsets_;
  std::vector<Promise> promises_;
  std::vector<const Function*> calls_;  ///< being inlined, outermost first
  std::size_t inlined_ = 0;
  std::set<std::string> unknown_kinds_;
  std::vector<std::string> unknown_;
};

}  // namespace coinfer::frontends::onnx
