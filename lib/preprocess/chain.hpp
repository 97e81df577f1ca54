#pragma once

#include <string>
#include <vector>

#include "coinfer/preprocess.hpp"
#include "graph/graph.hpp"

namespace coinfer::preprocess {

/// What the model has at the end of an input's steps.
struct Goal {
  ElementType type = ElementType::dynamic;
  PartialShape shape;
  Layout layout;
};

/// What the steps make of one input or output, in words.
struct Account {
  struct Line {
    std::string title;
    std::string before;
    std::string after;  ///< empty when the step failed
    bool asked;         ///< was it asked for, or does it follow?
  };
  std::vector<std::string> heading;
  std::vector<Line> lines;
  std::string closing;
};

/// Nodes that are added one after another to a value, with what is known of it.
class Chain {
 public:
  Chain(graph::Graph& graph, std::string title, graph::ValueId start, Layout layout,
        ColorFormat color, Goal goal);

  graph::ValueId current;
  /// Of an image in several tensors, until its color is converted: all of them, `current` first.
  std::vector<graph::ValueId> planes;
  Layout layout;
  ColorFormat color;
  const Goal goal;
  /// Where what is done is written down; null: nowhere.
  Account* account = nullptr;

  void perform(const Step& step);
  /// To the goal, as far as it is known.
  void finish();
  /// "[1,3,8,8], [N,C,H,W], u8, BGR"
  std::string state() const;

  ElementType type() const { return graph_[current].type; }
  const PartialShape& shape() const { return graph_[current].shape; }
  /// Throws Error when it is not known.
  std::int64_t rank() const;
  /// Where a dimension of the layout is. Throws Error naming the step.
  std::int64_t axis(std::string_view name, std::string_view step) const;

  graph::ValueId constant(Tensor tensor) { return graph_.add_constant(std::move(tensor)); }
  graph::ValueId integers(std::initializer_list<std::int64_t> values);
  graph::ValueId integers(std::span<const std::int64_t> values);
  /// A number in the type of the current value.
  graph::ValueId real(std::vector<float> values, const Shape& shape);
  /// Adds a node; its type and shape are inferred at once.
  graph::ValueId add(std::string type, std::vector<graph::ValueId> inputs,
                     std::vector<std::pair<std::string, graph::Attribute>> attributes = {});

  /// Throws Error naming the step unless the image lies in one tensor.
  void check_single(std::string_view step) const;
  void cast(ElementType type);
  void transpose(std::span<const std::int64_t> order);
  void convert_layout(const Layout& to);
  /// Dimensions of length 1 in front, which `to` has and the layout has not.
  void add_missing(const Layout& to);
  /// The part [begin, end) of an axis, every `step`th.
  graph::ValueId part(graph::ValueId from, std::int64_t axis, std::int64_t begin, std::int64_t end,
                      std::int64_t step = 1);

  std::vector<graph::Node> take_nodes() { return std::move(nodes_); }
  bool empty() const { return nodes_.empty(); }
  [[noreturn]] void fail(const std::string& text) const;

 private:
  graph::Graph& graph_;
  std::string title_;
  std::vector<graph::Node> nodes_;
};

/// Of dimension i of `to`, where it is in `from`; empty when it is the same.
std::vector<std::int64_t> permutation(const Layout& from, const Layout& to, std::int64_t rank);

/// "[1,3,8,8], [N,C,H,W], u8"
std::string describe(const PartialShape& shape, const Layout& layout, ElementType type);
/// "RGB", "NV12 (multi-plane)"…
std::string title_of(ColorFormat format);

/// The step convert_color.
void convert_color(Chain& chain, ColorFormat to);
/// Channels of a format's tensor; 0 when it has none of its own.
std::int64_t channels_of(ColorFormat format);
/// Is its tensor half as high again as the image?
bool is_planar(ColorFormat format);
/// How many tensors an image of the format lies in.
std::size_t tensors_of(ColorFormat format);

}  // namespace coinfer::preprocess
