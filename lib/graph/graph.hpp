#pragma once

#include <boost/container/small_vector.hpp>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "coinfer/rt_info.hpp"
#include "coinfer/shape.hpp"
#include "coinfer/tensor.hpp"
#include "graph/attributes.hpp"
#include "graph/notes.hpp"

namespace coinfer::ops {
struct OpDef;
}

/// The one representation of a network: frontends write it, passes rewrite it, plans are lowered
/// from it. Nodes use ONNX's operators and logical layout (NCHW); physical layout is the plan's.
namespace coinfer::graph {

/// Index of a Value in its Graph. `no_value` stands for an optional input that is left out.
struct ValueId {
  std::uint32_t index = 0xffffffffU;
  explicit operator bool() const noexcept { return index != 0xffffffffU; }
  friend auto operator<=>(ValueId, ValueId) noexcept = default;
};
inline constexpr ValueId no_value{};

/// Numbers from `least` to `most`, both included.
struct Interval {
  std::int64_t least = 0;
  std::int64_t most = 0;
};

struct Value {
  std::string name;
  ElementType type = ElementType::dynamic;
  PartialShape shape = PartialShape::dynamic();
  Tensor constant;  ///< set for initialisers and folded values; memory is never written
  std::vector<std::string> more_names = {};  ///< of the same tensor
  bool own_name = false;    ///< the file gives no name; `name` was made up for errors
  std::string layout = {};  ///< of inputs and outputs: "[N,C,H,W]"; empty: unknown
  /// Where the elements of a few integers that are not known lie, when that is (`passes/bounds`).
  std::shared_ptr<const std::vector<Interval>> bounds = {};
  Notes notes = {};  ///< its own (output 0), and of the parameter or constant that it stands for
};

/// Work done on a node's result before it is stored, in order (oneDNN's post-ops).
struct PostOp {
  enum class Kind : std::uint8_t { eltwise, binary, sum };
  Kind kind;
  int algorithm = 0;  ///< a dnnl::algorithm for eltwise and binary
  float alpha = 0;
  float beta = 0;
  ValueId operand = no_value;  ///< second operand of binary and sum
  std::string type;            ///< of the node that it was: "Relu"
};

struct Node {
  const ops::OpDef* op = nullptr;
  std::string name;    ///< of the file, or made up from the first output
  std::string type;    ///< "Conv"
  std::string domain;  ///< "" is ONNX's own
  int opset = 0;       ///< version of the domain the file was written for
  boost::container::small_vector<ValueId, 4> inputs;
  boost::container::small_vector<ValueId, 2> outputs;
  Attributes attributes;
  std::vector<PostOp> post_ops;
  Notes notes;

  bool has_input(std::size_t i) const noexcept { return i < inputs.size() && inputs[i]; }
};

/// What a network keeps between runs. A node coinfer.ReadValue reads it.
struct Variable {
  std::string name;
  ElementType type = ElementType::dynamic;
  PartialShape shape = PartialShape::dynamic();
  ValueId assigned = no_value;   ///< what a run leaves there; no_value when it stays as it is
  std::string assigned_by = {};  ///< the friendly name of the node that does it, when one did
  Notes notes = {};              ///< of that node
};

/// A network or the body of a control-flow node. `nodes` are in topological order.
class Graph {
 public:
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  /// Of a control-flow body: so many of its last `inputs` are outer values it reads. They are the
  /// last inputs of its node too, in the same order, and the same for all bodies of a node.
  std::size_t captures = 0;
  /// Of a network: names of the nodes that its first `inputs` and `outputs` stand for. Where there
  /// is none, or an empty one, the node is named by its tensor.
  std::vector<std::string> parameter_names;
  std::vector<std::string> result_names;
  std::map<std::size_t, Notes> result_notes;  ///< of outputs that have some
  std::vector<Variable> variables;            ///< of a network only
  RtInfo rt_info;                             ///< of the model

  ValueId add(Value value) {
    values.push_back(std::move(value));
    return ValueId{static_cast<std::uint32_t>(values.size() - 1)};
  }
  ValueId add_constant(Tensor tensor, std::string name = {}) {
    Value value{std::move(name), tensor.type(), PartialShape{tensor.shape()}, tensor};
    return add(std::move(value));
  }
  Value& operator[](ValueId id) { return values[id.index]; }
  const Value& operator[](ValueId id) const { return values[id.index]; }
  bool is_constant(ValueId id) const { return id && static_cast<bool>(values[id.index].constant); }
};

/// Who makes and who reads each value. A snapshot: rebuild it after the graph changed.
/// Reading by a graph output is not counted in `readers`; ask `is_output`.
class Uses {
 public:
  explicit Uses(const Graph& graph);
  /// Index of the producing node, -1 for inputs and constants.
  int producer(ValueId id) const { return producer_[id.index]; }
  const std::vector<std::uint32_t>& readers(ValueId id) const { return readers_[id.index]; }
  bool is_output(ValueId id) const { return is_output_[id.index]; }
  /// Read by exactly one node, once, and not an output.
  bool single_use(ValueId id) const {
    return readers_[id.index].size() == 1 && !is_output_[id.index];
  }

 private:
  std::vector<int> producer_;
  std::vector<std::vector<std::uint32_t>> readers_;
  std::vector<bool> is_output_;
};

/// Sorts `nodes` topologically; throws Error naming a node of a cycle.
void sort_topologically(Graph& graph);

/// The friendly name of the node that an input or output of a network stands for.
std::string parameter_name(const Graph& graph, std::size_t index);
std::string result_name(const Graph& graph, std::size_t index);

/// "Conv 'conv1'": how errors name a node.
std::string describe(const Node& node);

}  // namespace coinfer::graph
