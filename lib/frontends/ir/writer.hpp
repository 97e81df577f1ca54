#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "coinfer/error.hpp"
#include "frontends/ir/document.hpp"
#include "graph/graph.hpp"

namespace coinfer::frontends::ir {

using graph::ValueId;

/// Values of a graph that are known while it is written, but follow from the shapes of its inputs:
/// a reshape changes them.
using ShapeBound = std::unordered_set<std::uint32_t>;

/// ONNX's number of an element type.
std::int64_t onnx_type(ElementType type);

/// What the conversion of one layer reads and writes: its attributes and inputs, and the graph that
/// gets its nodes.
class Writer {
 public:
  Writer(const Layer& layer, graph::Graph& graph, std::vector<ValueId> inputs,
         ShapeBound& shape_bound)
      : layer_{layer}, graph_{graph}, inputs_{std::move(inputs)}, shape_bound_{shape_bound} {}

  using Attribute = std::pair<std::string, graph::Attribute>;

  const Layer& layer() const { return layer_; }
  graph::Graph& graph() { return graph_; }
  /// The number after "opset"; 0 when there is none.
  int opset() const;

  /// Computes in f32 what the file has in half precision.
  void compute_wide() { wide_ = true; }
  bool is_wide() const { return wide_; }

  std::size_t inputs() const { return inputs_.size(); }
  /// Throws when the layer has no such input.
  ValueId in(std::size_t i) const;
  /// From the declared port; throws when it is not known.
  std::int64_t rank(std::size_t i) const;
  /// As the port declares it; throws when the layer has no such input.
  const PartialShape& shape(std::size_t i) const;
  ElementType type(ValueId id) const { return graph_[id].type; }
  /// The input's values when it is a constant of integers (any integral type) in every shape that
  /// the network can have.
  std::optional<std::vector<std::int64_t>> known(std::size_t i) const;
  /// The values that input `i` has now; throws naming `what` when they are not known. Where they
  /// follow from the shapes of the network's inputs, the results are guarded: they fail to be
  /// inferred when a reshape changes the values.
  std::vector<std::int64_t> constant(std::size_t i, std::string_view what);
  /// One constant, counted from the front of an input of rank `rank`.
  std::int64_t axis(std::size_t i, std::int64_t rank);
  /// The value of a floating constant of one element.
  std::optional<float> known_real(ValueId id) const;

  bool has(const char* attribute) const { return !layer_.data.attribute(attribute).empty(); }
  std::string text(const char* attribute, std::string_view otherwise) const;
  std::int64_t integer(const char* attribute, std::int64_t otherwise) const;
  double real(const char* attribute, double otherwise) const;
  bool flag(const char* attribute, bool otherwise) const;
  std::vector<std::int64_t> integers(const char* attribute) const;
  std::vector<float> reals(const char* attribute) const;

  /// Adds a node of ONNX's domain with one output, and infers it. Small results of constants are
  /// computed at once.
  ValueId node(std::string_view type, std::vector<ValueId> inputs,
               std::vector<Attribute> attributes = {}, int opset = 22);
  std::vector<ValueId> nodes(std::string_view type, std::vector<ValueId> inputs,
                             std::size_t outputs, std::vector<Attribute> attributes = {},
                             int opset = 22);
  /// The same of coinfer's own domain.
  std::vector<ValueId> own(std::string_view type, std::vector<ValueId> inputs, std::size_t outputs,
                           std::vector<Attribute> attributes = {});
  /// An input of integers as i64.
  ValueId i64(std::size_t i);
  /// i32 or i64, as an attribute names it.
  ElementType index_type(const char* attribute, std::string_view otherwise = "i64") const;
  /// `value`, which is i64, as `type`.
  ValueId as_index(ValueId value, ElementType type);
  /// Extents [begin, end) of `value`'s shape, i64; to the last one when `end` is left out.
  ValueId extents(ValueId value, std::int64_t begin = 0,
                  std::int64_t end = std::numeric_limits<std::int64_t>::max());
  ValueId join(std::vector<ValueId> values, std::int64_t axis = 0);
  /// Adds a node of any domain, whose inputs and attributes are set, and infers it.
  std::vector<ValueId> add(graph::Node node, std::size_t outputs);
  ValueId ints(std::vector<std::int64_t> values);
  ValueId integer_scalar(std::int64_t value);
  /// A scalar of the element type of `like`, by CastLike when that is not f32.
  ValueId scalar(double value, ValueId like);
  ValueId cast(ValueId value, ElementType type);
  ValueId unsqueeze(ValueId value, std::vector<std::int64_t> axes);
  ValueId squeeze(ValueId value, std::vector<std::int64_t> axes);
  ValueId transpose(ValueId value, std::vector<std::int64_t> order);

  /// The layer's results, guarded where `constant` relied on shapes.
  std::vector<ValueId> guarded(std::vector<ValueId> results);

  [[noreturn]] void fail(std::string_view text) const;
  [[noreturn]] void unsupported(std::string_view text) const;

 private:
  std::vector<ValueId> emit(std::string_view domain, std::string_view type,
                            std::vector<ValueId> inputs, std::size_t outputs,
                            std::vector<Attribute> attributes, int opset);
  bool is_shape_bound(ValueId id) const { return shape_bound_.contains(id.index); }
  std::optional<std::vector<std::int64_t>> values_of(ValueId id) const;
  template <class T>
  std::vector<T> numbers(const char* attribute, std::string_view what) const;

  const Layer& layer_;
  graph::Graph& graph_;
  std::vector<ValueId> inputs_;
  ShapeBound& shape_bound_;
  std::vector<ValueId> relied_on_;
  bool wide_ = false;
  int made_ = 0;
};

/// Writes the nodes of a layer and returns the values of its output ports.
using Conversion = std::vector<ValueId> (*)(Writer&);

struct NamedConversion {
  std::string_view type;
  Conversion convert;
  std::string_view note = {};  ///< what of the operator is not served, for docs/operators.md
};

std::span<const NamedConversion> elementwise_conversions();
std::span<const NamedConversion> movement_conversions();
std::span<const NamedConversion> network_conversions();
std::span<const NamedConversion> recurrent_conversions();
std::span<const NamedConversion> state_conversions();

std::span<const NamedConversion> rearranging_conversions();
std::span<const NamedConversion> image_conversions();
std::span<const NamedConversion> detection_conversions();
std::span<const NamedConversion> lookup_conversions();
std::span<const NamedConversion> signal_conversions();

/// All of them, by table.
std::span<const std::span<const NamedConversion>> all_conversions();

/// Null when there is none.
Conversion find_conversion(std::string_view type);

}  // namespace coinfer::frontends::ir
