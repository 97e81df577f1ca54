#include "plan/simplify.hpp"

#include "kernels/broadcast.hpp"
#include "ops/op.hpp"
#include "passes/node.hpp"
#include "passes/passes.hpp"

namespace coinfer::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

bool is_one_of(const Node& node, std::initializer_list<std::string_view> types) {
  return node.domain.empty() && std::find(types.begin(), types.end(), node.type) != types.end();
}

/// The elements in their order under other extents.
bool is_view(const Node& node) {
  return is_one_of(node, {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"});
}

class Simplifier {
 public:
  explicit Simplifier(Graph& graph) : graph_{graph} {}

  void run() {
    is_output_.assign(graph_.values.size(), false);
    for (const auto id : graph_.outputs) {
      is_output_[id.index] = true;
    }
    narrow_convolutions();
    skip_identities();  // one between two views would keep them apart
    join_views();
    skip_identities();
    skip_expansions();
    passes::remove_dead(graph_);
  }

 private:
  Shape dims(ValueId id) const { return graph_[id].shape.to_shape(); }
  bool is_output(ValueId id) const { return id.index < is_output_.size() && is_output_[id.index]; }

  bool changes_nothing(const Node& node) const {
    if (node.inputs.empty() || !node.inputs[0] || node.outputs.size() != 1 ||
        !node.post_ops.empty() || graph_[node.inputs[0]].type != graph_[node.outputs[0]].type ||
        dims(node.inputs[0]) != dims(node.outputs[0])) {
      return false;
    }
    if (node.type == "Slice" && node.domain.empty()) {
      // Only a step below zero keeps the shape and moves elements.
      const auto steps = ops::KernelContext{node, graph_}.integers("steps", 4);
      return !node.has_input(4) || (steps && std::all_of(steps->begin(), steps->end(),
                                                         [](auto step) { return step > 0; }));
    }
    return is_view(node) || is_one_of(node, {"Expand", "Cast", "Tile"});
  }

  /// Readers of what such a node makes read its input.
  void skip_identities() {
    std::vector<ValueId> instead(graph_.values.size());
    const auto resolve = [&](ValueId& id) {
      if (id && instead[id.index]) {
        id = instead[id.index];
      }
    };
    for (auto& node : graph_.nodes) {
      for (auto& id : node.inputs) {
        resolve(id);
      }
      if (changes_nothing(node) && !is_output(node.outputs[0])) {
        instead[node.outputs[0].index] = node.inputs[0];
      }
    }
  }

  /// A view of a view is a view of the first one's input.
  void join_views() {
    const graph::Uses uses{graph_};
    for (auto& node : graph_.nodes) {
      if (!is_view(node)) {
        continue;
      }
      for (;;) {
        const auto from = uses.producer(node.inputs[0]);
        if (from < 0 || !is_view(graph_.nodes[static_cast<std::size_t>(from)])) {
          break;
        }
        node.inputs[0] = graph_.nodes[static_cast<std::size_t>(from)].inputs[0];
        reshape_to(node, dims(node.outputs[0]));
      }
    }
  }

  void reshape_to(Node& node, const Shape& shape) {
    const auto input = node.inputs[0];
    node.type = "Reshape";
    node.opset = 14;
    node.op = ops::Registry::instance().find("", node.type, node.opset);
    node.attributes = {};
    node.attributes.set("allowzero", std::int64_t{1});
    node.inputs = {input, graph_.add_constant(Tensor::vector<std::int64_t>(shape))};
  }

  /// An element-wise operator broadcasts by itself.
  void skip_expansions() {
    const graph::Uses uses{graph_};
    for (auto& node : graph_.nodes) {
      if (!is_one_of(node,
                     {"Add", "Sub", "Mul", "Div", "Max", "Min", "Equal", "Less", "Greater"}) ||
          node.inputs.size() != 2) {
        continue;
      }
      for (std::size_t i = 0; i < 2; ++i) {
        const auto from = uses.producer(node.inputs[i]);
        if (from < 0 || graph_.nodes[static_cast<std::size_t>(from)].type != "Expand") {
          continue;
        }
        const auto source = graph_.nodes[static_cast<std::size_t>(from)].inputs[0];
        if (kernels::broadcast_shapes(dims(source), dims(node.inputs[1 - i])) ==
            dims(node.outputs[0])) {
          node.inputs[i] = source;
        }
      }
    }
  }

  void narrow_convolutions() {
    std::vector<Node> nodes;
    nodes.reserve(graph_.nodes.size());
    for (auto& node : graph_.nodes) {
      if (!narrow(node, nodes)) {
        nodes.push_back(std::move(node));
      }
    }
    graph_.nodes = std::move(nodes);
  }

  /// Conv over [N,C,H,1] -> Reshape, Conv over [N,C,H], Reshape.
  bool narrow(const Node& node, std::vector<Node>& nodes) {
    if (!is_one_of(node, {"Conv"}) || !node.post_ops.empty() || !node.has_input(1) ||
        !graph_.is_constant(node.inputs[1])) {
      return false;
    }
    const auto src = dims(node.inputs[0]);
    const auto dst = dims(node.outputs[0]);
    const auto weights = graph_[node.inputs[1]].constant;
    if (src.size() != 4 || src[3] != 1 || dst[3] != 1 || weights.shape()[3] != 1 ||
        weights.shape()[2] == 1 || !weights.is_continuous()) {
      return false;
    }
    auto conv = node;
    for (const auto* name : {"kernel_shape", "strides", "dilations"}) {
      if (auto list = conv.attributes.integers(name)) {
        if (list->size() != 2) {
          return false;
        }
        list->pop_back();
        conv.attributes.set(name, *list);
      }
    }
    if (const auto pads = conv.attributes.integers("pads")) {
      if (pads->size() != 4 || (*pads)[1] != 0 || (*pads)[3] != 0) {
        return false;
      }
      conv.attributes.set("pads", std::vector{(*pads)[0], (*pads)[2]});
    }
    const auto without_width = [](const Shape& shape) {
      return Shape{std::span<const std::int64_t>{shape.begin(), shape.end() - 1}};
    };
    const auto view = [&](ValueId from, ValueId to, const Shape& shape) {
      Node reshape;
      reshape.name = node.name;
      reshape.inputs = {from};
      reshape.outputs = {to};
      reshape_to(reshape, shape);
      passes::infer_node(graph_, reshape);
      nodes.push_back(std::move(reshape));
    };
    const auto type = graph_[node.inputs[0]].type;
    const auto line = graph_.add({node.name, type, {}, {}});
    const auto result = graph_.add({node.name, type, {}, {}});
    view(node.inputs[0], line, without_width(src));
    conv.inputs[0] = line;
    // The same memory under other extents: packed weights are found by their address.
    const auto offset = static_cast<std::byte*>(weights.data()) - weights.memory()->data();
    conv.inputs[1] =
        graph_.add_constant(Tensor{weights.type(), without_width(weights.shape()), weights.memory(),
                                   static_cast<std::size_t>(offset)});
    conv.outputs[0] = result;
    passes::infer_node(graph_, conv);
    nodes.push_back(std::move(conv));
    view(result, node.outputs[0], dst);
    return true;
  }

  Graph& graph_;
  std::vector<bool> is_output_;
};

}  // namespace

void simplify(Graph& graph) { Simplifier{graph}.run(); }

}  // namespace coinfer::plan
