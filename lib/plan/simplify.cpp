#include "plan/simplify.hpp"

#include <cstring>
#include <optional>
#include <utility>

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
    replace_convolutions();
    skip_identities();  // one between two views would keep them apart
    join_views();
    skip_identities();
    sink_expansions();
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

  /// f(Expand(x)) -> Expand(f(x)), where f works on each element or reduces what is not expanded:
  /// less work, and an element-wise operator behind f may need no expansion.
  void sink_expansions() {
    std::vector<ValueId> source(graph_.values.size());  // of what an Expand makes
    std::vector<Node> nodes;
    nodes.reserve(graph_.nodes.size());
    for (auto& node : graph_.nodes) {
      const auto input = node.inputs.empty() ? ValueId{} : node.inputs[0];
      const auto from = input && input.index < source.size() ? source[input.index] : ValueId{};
      if (!from || !(is_unary(node) || reduces_what_is_kept(node, from))) {
        if (is_one_of(node, {"Expand"}) && dims(input).size() == dims(node.outputs[0]).size()) {
          source[node.outputs[0].index] = input;
        }
        nodes.push_back(std::move(node));
        continue;
      }
      const auto result = node.outputs[0];
      const auto small = add_value(node);
      auto moved = node;
      moved.inputs.erase(moved.inputs.begin());
      add_node(nodes, std::move(moved), node, from, small);
      Node expand;
      expand.type = "Expand";
      expand.opset = 13;
      expand.inputs = {graph_.add_constant(Tensor::vector<std::int64_t>(dims(result)))};
      add_node(nodes, std::move(expand), node, small, result);
      source[result.index] = small;
    }
    graph_.nodes = std::move(nodes);
  }

  bool is_unary(const Node& node) const {
    return node.post_ops.empty() &&
           is_one_of(node, {"Cast", "Clip", "Relu", "Sigmoid", "Tanh", "Sqrt", "Exp", "Log", "Neg",
                            "Abs", "Reciprocal", "Erf", "Not"}) &&
           std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [&](ValueId id) { return !id || dims(id).elements() == 1; });
  }

  /// A reduction over axes of which an expansion of `from` leaves each as it was.
  bool reduces_what_is_kept(const Node& node, ValueId from) const {
    if (!node.post_ops.empty() ||
        !is_one_of(node, {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"})) {
      return false;
    }
    const auto axes = ops::KernelContext{node, graph_}.integers("axes", 1);
    const auto before = dims(from);
    const auto after = dims(node.inputs[0]);
    return axes && !axes->empty() &&
           std::all_of(axes->begin(), axes->end(), [&](std::int64_t axis) {
             const auto at = static_cast<std::size_t>(axis < 0 ? axis + after.rank() : axis);
             return before[at] == after[at];
           });
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

  void replace_convolutions() {
    const graph::Uses uses{graph_};
    std::vector<Node> nodes;
    nodes.reserve(graph_.nodes.size());
    std::vector<bool> is_taken(graph_.nodes.size());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (is_taken[i]) {
        continue;
      }
      // Looked at before any node has moved: of the nodes behind this one none has.
      const auto& node = graph_.nodes[i];
      // Other nodes may lack their first result.
      const bool is_rearranged = node.type == "Conv" && !is_output(node.outputs[0]) &&
                                 uses.single_use(node.outputs[0]) &&
                                 is_one_of(graph_.nodes[uses.readers(node.outputs[0])[0]],
                                           {"Reshape", "Flatten", "Transpose"});
      if (const auto after = activation_of(node, uses);
          spread(node, after ? &graph_.nodes[*after] : nullptr, nodes)) {
        if (after) {
          is_taken[*after] = true;
        }
      } else if (!narrow(node, nodes) && !(is_rearranged && unfold(node, nodes))) {
        nodes.push_back(std::move(graph_.nodes[i]));
      }
    }
    graph_.nodes = std::move(nodes);
  }

  /// The node that alone reads the result of a transposed convolution, and sees each element alone.
  std::optional<std::size_t> activation_of(const Node& node, const graph::Uses& uses) const {
    if (!is_one_of(node, {"ConvTranspose"}) || !uses.single_use(node.outputs[0])) {
      return std::nullopt;
    }
    const auto reader = uses.readers(node.outputs[0])[0];
    const bool fits = is_one_of(graph_.nodes[reader], {"Relu", "LeakyRelu", "Elu", "HardSwish",
                                                       "HardSigmoid", "Sigmoid", "Tanh", "Gelu"});
    return fits ? std::optional<std::size_t>{reader} : std::nullopt;
  }

  /// A node made for another one, its results inferred.
  void add_node(std::vector<Node>& nodes, Node node, const Node& of, ValueId input,
                ValueId result) {
    node.name = of.name;
    node.inputs.insert(node.inputs.begin(), input);
    node.outputs = {result};
    if (node.op == nullptr) {
      node.op = ops::Registry::instance().find("", node.type, node.opset);
    }
    passes::infer_node(graph_, node);
    nodes.push_back(std::move(node));
  }
  ValueId add_value(const Node& of) {
    return graph_.add({of.name, graph_[of.inputs[0]].type, {}, {}});
  }
  void add_view(std::vector<Node>& nodes, const Node& of, ValueId from, ValueId to,
                const Shape& shape) {
    Node node;
    node.inputs = {from};
    reshape_to(node, shape);
    node.inputs.erase(node.inputs.begin());
    add_node(nodes, std::move(node), of, from, to);
  }
  void add_transpose(std::vector<Node>& nodes, const Node& of, ValueId from, ValueId to,
                     std::vector<std::int64_t> order) {
    Node node;
    node.type = "Transpose";
    node.opset = 13;
    node.attributes.set("perm", std::move(order));
    add_node(nodes, std::move(node), of, from, to);
  }

  /// Conv of patches that do not overlap, as vision transformers begin: patches as rows times
  /// weights. The result is what the transposition that follows wants.
  bool unfold(const Node& node, std::vector<Node>& nodes) {
    if (!is_one_of(node, {"Conv"}) || !node.post_ops.empty() || !node.has_input(1) ||
        !graph_.is_constant(node.inputs[1]) || node.attributes.integer("group", 1) != 1) {
      return false;
    }
    const auto src = dims(node.inputs[0]);
    const auto dst = dims(node.outputs[0]);
    const auto weights = graph_[node.inputs[1]].constant;
    if (src.size() != 4 || !weights.is_continuous() || dst.elements() == 0) {
      return false;
    }
    const auto kernel = Dims{weights.shape()[2], weights.shape()[3]};
    const auto is = [&](const char* name, const std::vector<std::int64_t>& wanted) {
      const auto given = node.attributes.integers(name);
      return !given || *given == wanted;
    };
    // Rows of fewer elements are copied too slowly.
    if (kernel[1] < 8 || src[2] != dst[2] * kernel[0] || src[3] != dst[3] * kernel[1] ||
        !node.attributes.integers("strides") || !is("strides", {kernel[0], kernel[1]}) ||
        !is("pads", {0, 0, 0, 0}) || !is("dilations", {1, 1})) {
      return false;
    }
    const auto terms = src[1] * kernel[0] * kernel[1];
    const auto rows = dst[0] * dst[2] * dst[3];
    const auto split = add_value(node);
    const auto joined = add_value(node);
    const auto patches = add_value(node);
    const auto product = add_value(node);
    const auto image = add_value(node);
    add_view(nodes, node, node.inputs[0], split,
             {src[0], src[1], dst[2], kernel[0], dst[3], kernel[1]});
    add_transpose(nodes, node, split, joined, {0, 2, 4, 1, 3, 5});
    add_view(nodes, node, joined, patches, {rows, terms});
    Node gemm;
    gemm.type = "Gemm";
    gemm.opset = 13;
    gemm.attributes.set("transB", std::int64_t{1});
    // The same memory under other extents: packed weights are found by their address.
    gemm.inputs = {graph_.add_constant(seen_as(weights, {dst[1], terms}))};
    if (node.has_input(2)) {
      gemm.inputs.push_back(node.inputs[2]);
    }
    add_node(nodes, std::move(gemm), node, patches, product);
    add_view(nodes, node, product, image, {dst[0], dst[2], dst[3], dst[1]});
    add_transpose(nodes, node, image, node.outputs[0], {0, 3, 1, 2});
    return true;
  }

  /// What a transposed convolution adds up along one axis: of the outputs that lie `stride` apart,
  /// each reads the same window of inputs.
  struct Parity {
    std::int64_t stride, kernel, pad, taps, begin, end;

    Parity(std::int64_t stride_, std::int64_t kernel_, std::int64_t pad_, std::int64_t in,
           std::int64_t out)
        : stride{stride_}, kernel{kernel_}, pad{pad_} {
      // Output stride * q + r sums input q + t times weight r + pad - t * stride, for t from
      // -begin on.
      begin = (kernel - pad + stride - 1) / stride - 1;
      taps = begin + (stride - 1 + pad) / stride + 1;
      end = out / stride - in + taps - 1 - begin;
    }
    /// The weight that output r multiplies with its window's input `tap`; -1 for none.
    std::int64_t weight(std::int64_t r, std::int64_t tap) const {
      const auto at = r + pad - (tap - begin) * stride;
      return at < kernel ? at : -1;
    }
  };

  /// ConvTranspose -> Conv to the channels of all outputs between two inputs' -> depth to space,
  /// and what follows it before that: without overlap there is nothing else to do, and to few
  /// channels vectors would be mostly empty.
  bool spread(const Node& node, const Node* activation, std::vector<Node>& nodes) {
    if (!is_one_of(node, {"ConvTranspose"}) || !node.post_ops.empty() || !node.has_input(1) ||
        !graph_.is_constant(node.inputs[1]) || node.attributes.integer("group", 1) != 1 ||
        graph_[node.inputs[0]].type != ElementType::f32 ||
        (node.has_input(2) && !graph_.is_constant(node.inputs[2]))) {
      return false;
    }
    const auto src = dims(node.inputs[0]);
    const auto dst = dims(node.outputs[0]);
    const auto weights = graph_[node.inputs[1]].constant;
    const auto strides = node.attributes.integers("strides");
    const auto pads = node.attributes.integers("pads").value_or(std::vector<std::int64_t>(4, 0));
    const auto dilations =
        node.attributes.integers("dilations").value_or(std::vector<std::int64_t>(2, 1));
    if (src.size() != 4 || !strides || strides->size() != 2 || pads.size() != 4 ||
        dilations != std::vector<std::int64_t>{1, 1} || !weights.is_continuous() ||
        node.attributes.has("output_shape") || node.attributes.has("auto_pad") ||
        src.elements() == 0 || dst.elements() == 0) {
      return false;
    }
    const auto out = dst[1];
    const auto places = (*strides)[0] * (*strides)[1];
    const bool overlaps = weights.shape()[2] != (*strides)[0] ||
                          weights.shape()[3] != (*strides)[1] ||
                          pads != std::vector<std::int64_t>(4, 0);
    if (places < 2 || (overlaps && (out >= 16 || places * out > 128)) ||
        dst[2] % (*strides)[0] != 0 || dst[3] % (*strides)[1] != 0) {
      return false;
    }
    const Parity y{(*strides)[0], weights.shape()[2], pads[0], src[2], dst[2]};
    const Parity x{(*strides)[1], weights.shape()[3], pads[1], src[3], dst[3]};
    if (y.begin < 0 || y.end < 0 || x.begin < 0 || x.end < 0) {
      return false;
    }
    // Channels of the convolution: place down, place across, channel.
    Tensor all{ElementType::f32, {places * out, src[1], y.taps, x.taps}};
    auto* to = all.data<float>();
    for (std::int64_t channel = 0; channel < places * out; ++channel) {
      const auto down = channel / out / x.stride;
      const auto across = channel / out % x.stride;
      for (std::int64_t in = 0; in < src[1]; ++in) {
        const auto* from = weights.data<float>() + (in * out + channel % out) * y.kernel * x.kernel;
        for (std::int64_t i = 0; i < y.taps; ++i) {
          for (std::int64_t j = 0; j < x.taps; ++j, ++to) {
            const auto row = y.weight(down, i);
            const auto column = x.weight(across, j);
            *to = row < 0 || column < 0 ? 0 : from[row * x.kernel + column];
          }
        }
      }
    }
    Node conv;
    conv.type = "Conv";
    conv.opset = 11;
    conv.attributes.set("pads", std::vector{y.begin, x.begin, y.end, x.end});
    conv.inputs = {graph_.add_constant(all)};
    if (node.has_input(2)) {
      const auto bias = graph_[node.inputs[2]].constant;
      Tensor repeated{ElementType::f32, {places * out}};
      for (std::int64_t channel = 0; channel < places * out; ++channel) {
        std::memcpy(repeated.data<float>() + channel,
                    static_cast<const std::byte*>(bias.data()) + channel % out * bias.strides()[0],
                    sizeof(float));
      }
      conv.inputs.push_back(graph_.add_constant(repeated));
    }
    auto deep = add_value(node);
    const auto split = add_value(node);
    const auto turned = add_value(node);
    add_node(nodes, std::move(conv), node, node.inputs[0], deep);
    if (activation != nullptr) {
      auto moved = *activation;
      moved.inputs.clear();
      const auto linear = std::exchange(deep, add_value(node));
      add_node(nodes, std::move(moved), *activation, linear, deep);
    }
    add_view(nodes, node, deep, split,
             {dst[0], y.stride, x.stride, out, dst[2] / y.stride, dst[3] / x.stride});
    add_transpose(nodes, node, split, turned, {0, 3, 4, 1, 5, 2});
    add_view(nodes, node, turned, (activation != nullptr ? *activation : node).outputs[0], dst);
    return true;
  }

  static Tensor seen_as(const Tensor& constant, const Shape& shape) {
    const auto offset = static_cast<std::byte*>(constant.data()) - constant.memory()->data();
    return {constant.type(), shape, constant.memory(), static_cast<std::size_t>(offset)};
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
    const auto line = add_value(node);
    const auto result = add_value(node);
    add_view(nodes, node, node.inputs[0], line, without_width(src));
    conv.inputs[0] = line;
    conv.inputs[1] = graph_.add_constant(seen_as(weights, without_width(weights.shape())));
    conv.outputs[0] = result;
    passes::infer_node(graph_, conv);
    nodes.push_back(std::move(conv));
    add_view(nodes, node, result, node.outputs[0], dst);
    return true;
  }

  Graph& graph_;
  std::vector<bool> is_output_;
};

}  // namespace

void simplify(Graph& graph) { Simplifier{graph}.run(); }

}  // namespace coinfer::plan
