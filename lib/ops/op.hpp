#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coinfer/error.hpp"
#include "graph/graph.hpp"

namespace coinfer::plan {
class Lowering;
}

namespace coinfer::ops {

/// What an operator may ask, and must answer, when types and shapes are inferred. Used twice: on
/// partial shapes when a model is read, and on static shapes when a plan is built.
class InferContext {
 public:
  InferContext(const graph::Node& node, graph::Graph& graph) : node_{node}, graph_{graph} {}

  const graph::Node& node() const { return node_; }
  const graph::Attributes& attributes() const { return node_.attributes; }
  int opset() const { return node_.opset; }

  std::size_t inputs() const { return node_.inputs.size(); }
  std::size_t outputs() const { return node_.outputs.size(); }
  bool has(std::size_t i) const { return node_.has_input(i); }
  /// Throws naming the node when the input is left out.
  ElementType type(std::size_t i) const;
  const PartialShape& shape(std::size_t i) const;
  /// The input's value when it is known now, else null. Asking records that the result depends on
  /// that value: when it stays unknown at plan time the model is cut into stages before this node.
  Tensor value(std::size_t i);
  /// The same as integers (i32 or i64 tensor of rank 0 or 1); nullopt when not known.
  std::optional<std::vector<std::int64_t>> integers(std::size_t i);
  /// Where the input's integers lie, known or not; nullopt when nothing is known of them. Does not
  /// ask for the value.
  std::optional<std::vector<graph::Interval>> bounds(std::size_t i) const;
  /// Integers from attribute `name` or, when absent, from input `i` (the forms before and after
  /// opset 13). `present` tells whether either was given.
  struct Integers {
    bool present = false;
    std::optional<std::vector<std::int64_t>> values;
  };
  Integers integers(std::string_view attribute, std::size_t i);

  /// Sets output `i` (nothing when it is left out). Fails when a static shape cannot be addressed.
  void output(std::size_t i, ElementType type, PartialShape shape);
  /// Sets output `i` to a value that follows from attributes and shapes alone.
  void known(std::size_t i, Tensor value);

  /// Inputs whose unknown value was asked for.
  const std::vector<std::size_t>& wanted() const { return wanted_; }

  /// Throws Error: "<text> (Conv 'conv1')".
  [[noreturn]] void fail(const std::string& text) const;
  /// Unsupported: names the types.
  [[noreturn]] void unsupported_type(ElementType type) const;
  /// Fails unless the node has between `min` and `max` inputs and none of the first `min` is left
  /// out.
  void check_inputs(std::size_t min, std::size_t max) const;
  /// Fails unless input `i` is of one of the types (a type not known passes).
  void check_type(std::size_t i, std::initializer_list<ElementType> types) const;
  /// Fails unless input `i` has between `min` and `max` ranks (unknown rank passes).
  void check_rank(std::size_t i, std::int64_t min, std::int64_t max) const;

 private:
  const graph::Node& node_;
  graph::Graph& graph_;
  std::vector<std::size_t> wanted_;
};

/// Work prepared for fixed types, shapes and attributes: sources and destinations are dense and
/// row-major, in the order of the node's inputs (null for one left out) and outputs. May throw
/// Error for bad data (an index out of range); the caller adds the node's name. *Thread safety*:
/// shared kernels: safe, they hold no state that a run changes.
using Kernel = std::function<void(const void* const* src, void* const* dst)>;

/// A kernel in parts that may run at the same time, on different threads: what a part reads and
/// writes follows from its number. `run` must not throw.
struct Parts {
  std::int64_t count = 1;
  std::function<void(const void* const* src, void* const* dst, std::int64_t part)> run;
};

/// What a kernel is prepared from: everything is static.
class KernelContext {
 public:
  KernelContext(const graph::Node& node, const graph::Graph& graph) : node_{node}, graph_{graph} {}

  const graph::Node& node() const { return node_; }
  const graph::Attributes& attributes() const { return node_.attributes; }
  int opset() const { return node_.opset; }
  std::size_t inputs() const { return node_.inputs.size(); }
  std::size_t outputs() const { return node_.outputs.size(); }
  bool has(std::size_t i) const { return node_.has_input(i); }
  bool has_output(std::size_t i) const {
    return i < node_.outputs.size() && static_cast<bool>(node_.outputs[i]);
  }
  ElementType type(std::size_t i) const;
  Shape shape(std::size_t i) const;
  ElementType output_type(std::size_t i) const;
  Shape output_shape(std::size_t i) const;
  /// The input's value when known while planning (a constant), else null.
  Tensor value(std::size_t i) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view attribute,
                                                    std::size_t i) const;
  [[noreturn]] void fail(const std::string& text) const;
  /// Unsupported: names the types.
  [[noreturn]] void unsupported_type(ElementType type) const;

 private:
  const graph::Node& node_;
  const graph::Graph& graph_;
};

/// Fills the outputs of an operator whose output shapes depend on input values (NonZero, Unique…).
/// Runs between two stages, on the stream's thread; may allocate.
using Evaluate = std::vector<Tensor> (*)(const graph::Node& node, std::span<const Tensor> inputs);

struct LoopForm;

/// Operators that the runtime runs between two stages: those with bodies, and reads of variables.
enum class Control : std::uint8_t { none, branch, loop, read };

/// One operator of one opset range.
struct OpDef {
  std::string_view type;
  int since = 1;  ///< first opset version this definition serves, until the next definition's
  void (*infer)(InferContext&) = nullptr;
  /// The plain implementation: constant folding, plan-time values, and the fall-back of `lower`.
  Kernel (*kernel)(const KernelContext&) = nullptr;
  /// The fast implementation: adds steps to the plan. False when it does not serve this case.
  bool (*lower)(plan::Lowering&, const graph::Node&) = nullptr;
  /// Set for operators with data-dependent output shapes; `kernel` is then null.
  Evaluate evaluate = nullptr;
  std::string_view domain = "";
  /// Of an operator that the runtime runs: which kind it is, and for a loop how it feeds its body.
  Control control = Control::none;
  LoopForm (*loop_form)(const graph::Node& node) = nullptr;
};

/// The operators known, sorted by domain, type and version.
class Registry {
 public:
  static Registry& instance();
  void add(const OpDef& op);
  /// The definition with the greatest `since` <= opset; null when there is none.
  const OpDef* find(std::string_view domain, std::string_view type, int opset) const;
  std::span<const OpDef* const> all() const { return ops_; }

 private:
  std::deque<OpDef> owned_;
  std::vector<const OpDef*> ops_;
};

/// `static const Register conv{{.type = "Conv", .infer = infer, .lower = lower}};` One a
/// definition.
struct Register {
  explicit Register(const OpDef& op);
};

/// Where the elements of an integer value of rank 0 or 1 lie.
std::optional<std::vector<graph::Interval>> bounds_of(const graph::Value& value);
/// The extent that a number in the interval asks for; any when it may be negative.
Dimension extent_of(const graph::Interval& interval);

/// The shape that two operands have together by numpy's rules; what is not known stays open.
PartialShape broadcast(const InferContext& ctx, const PartialShape& a, const PartialShape& b);
/// The same of inputs `a` and `b`.
PartialShape broadcast(const InferContext& ctx, std::size_t a, std::size_t b);

/// `axis` counted from the front; fails when it does not lie in [-rank, rank).
template <class Context>
std::int64_t normalize_axis(const Context& ctx, std::int64_t axis, std::int64_t rank) {
  if (axis < -rank || axis >= rank) {
    ctx.fail("the axis " + std::to_string(axis) + " does not lie in a tensor of rank " +
             std::to_string(rank));
  }
  return axis < 0 ? axis + rank : axis;
}

/// Axes counted from the front and sorted; fails when one is given twice or lies outside.
template <class Context>
Dims normalize_axes(const Context& ctx, std::span<const std::int64_t> axes, std::int64_t rank) {
  Dims result;
  for (const auto axis : axes) {
    result.push_back(normalize_axis(ctx, axis, rank));
  }
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    ctx.fail("an axis is given twice");
  }
  return result;
}

}  // namespace coinfer::ops
