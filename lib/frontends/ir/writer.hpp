#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coinfer/error.hpp"
#include "frontends/ir/document.hpp"
#include "graph/graph.hpp"

namespace coinfer::frontends::ir {

using graph::ValueId;

/// What the conversion of one layer reads and writes: its attributes and inputs, and the graph that
/// gets its nodes.
class Writer {
 public:
  Writer(const Layer& layer, graph::Graph& graph, std::vector<ValueId> inputs)
      : layer_{layer}, graph_{graph}, inputs_{std::move(inputs)} {}

  using Attribute = std::pair<std::string, graph::Attribute>;

  const Layer& layer() const { return layer_; }
  graph::Graph& graph() { return graph_; }
  /// The number after "opset"; 0 when there is none.
  int opset() const;

  std::size_t inputs() const { return inputs_.size(); }
  /// Throws when the layer has no such input.
  ValueId in(std::size_t i) const;
  /// From the declared port; throws when it is not known.
  std::int64_t rank(std::size_t i) const;
  const PartialShape& shape(std::size_t i) const { return layer_.inputs.at(i).shape; }
  ElementType type(ValueId id) const { return graph_[id].type; }
  /// The input's values when it is a constant of integers (any integral type).
  std::optional<std::vector<std::int64_t>> known(std::size_t i) const;
  /// The same; throws naming `what` when it is no constant.
  std::vector<std::int64_t> constant(std::size_t i, std::string_view what) const;
  /// One constant, counted from the front of an input of rank `rank`.
  std::int64_t axis(std::size_t i, std::int64_t rank) const;
  /// The value of a floating constant of one element.
  std::optional<float> known_real(ValueId id) const;

  bool has(const char* attribute) const { return !layer_.data.attribute(attribute).empty(); }
  std::string text(const char* attribute, std::string_view otherwise) const;
  std::int64_t integer(const char* attribute, std::int64_t otherwise) const;
  double real(const char* attribute, double otherwise) const;
  bool flag(const char* attribute, bool otherwise) const;
  std::vector<std::int64_t> integers(const char* attribute) const;

  /// Adds a node of ONNX's domain with one output, and infers nothing. `type` of the result is
  /// taken for the input's when it is not given.
  ValueId node(std::string_view type, std::vector<ValueId> inputs,
               std::vector<Attribute> attributes = {}, int opset = 22);
  std::vector<ValueId> nodes(std::string_view type, std::vector<ValueId> inputs,
                             std::size_t outputs, std::vector<Attribute> attributes = {},
                             int opset = 22);
  ValueId ints(std::vector<std::int64_t> values);
  ValueId integer_scalar(std::int64_t value);
  /// A scalar of the element type of `like`, by CastLike when that is not f32.
  ValueId scalar(double value, ValueId like);
  ValueId cast(ValueId value, ElementType type);
  ValueId unsqueeze(ValueId value, std::vector<std::int64_t> axes);
  ValueId squeeze(ValueId value, std::vector<std::int64_t> axes);
  ValueId transpose(ValueId value, std::vector<std::int64_t> order);

  [[noreturn]] void fail(std::string_view text) const;
  [[noreturn]] void unsupported(std::string_view text) const;

 private:
  const Layer& layer_;
  graph::Graph& graph_;
  std::vector<ValueId> inputs_;
  int made_ = 0;
};

/// Writes the nodes of a layer and returns the values of its output ports.
using Conversion = std::vector<ValueId> (*)(Writer&);

struct NamedConversion {
  std::string_view type;
  Conversion convert;
};

std::span<const NamedConversion> elementwise_conversions();
std::span<const NamedConversion> movement_conversions();
std::span<const NamedConversion> network_conversions();

/// Null when there is none.
Conversion find_conversion(std::string_view type);

}  // namespace coinfer::frontends::ir
