#include <boost/test/unit_test.hpp>
#include <random>

#include "coinfer/error.hpp"
#include "ops/op.hpp"
#include "passes/passes.hpp"

using namespace coinfer;
using graph::Graph;
using graph::Node;
using graph::Value;
using graph::ValueId;

namespace {

/// Nodes as a damaged or malicious file may hold them: any inputs, any attributes. What they have
/// in common is that the names are right, so that operators look at them.
class Hostile {
 public:
  explicit Hostile(std::uint64_t seed) : random_{seed} {}

  Graph graph_of(const ops::OpDef& op) {
    Graph graph;
    Node node;
    node.type = op.type;
    node.domain = op.domain;
    node.name = "hostile";
    node.opset = std::max(op.since, pick({7, 9, 11, 13, 18, 21, 25}));
    const auto inputs = below(10) == 0 ? below(8) : 1 + below(4);
    const auto type = element_type();
    const auto shape = shape_of(4);
    for (std::size_t i = 0; i < inputs; ++i) {
      if (below(12) == 0) {
        node.inputs.push_back(graph::no_value);
        continue;
      }
      // Mostly of one type and shape, as that is where operators go on.
      const auto own = below(4) == 0 ? element_type() : type;
      const auto integers = i > 0 && below(2) == 0;
      auto value = tensor(integers ? ElementType::i64 : own,
                          integers        ? Shape{static_cast<std::int64_t>(below(5))}
                          : below(3) == 0 ? shape_of(4)
                                          : shape);
      node.inputs.push_back(below(8) == 0 ? graph.add(Value{"open", value.type(), open(value), {}})
                                          : graph.add_constant(value));
    }
    const auto outputs = 1 + below(3);
    for (std::size_t i = 0; i < outputs; ++i) {
      node.outputs.push_back(graph.add(Value{"result"}));
    }
    for (const auto* name : {"axis",
                             "keepdims",
                             "to",
                             "blocksize",
                             "p",
                             "group",
                             "num_groups",
                             "num_outputs",
                             "k",
                             "batch_dims",
                             "batch_axis",
                             "time_axis",
                             "start",
                             "end",
                             "ceil_mode",
                             "dtype",
                             "upper",
                             "exclusive",
                             "reverse",
                             "largest",
                             "sorted",
                             "fmod",
                             "block_size",
                             "output_dtype",
                             "size",
                             "num_heads",
                             "rotary_embedding_dim",
                             "interleaved",
                             "transA",
                             "transB",
                             "antialias",
                             "allowzero",
                             "storage_order",
                             "count_include_pad",
                             "noop_with_empty_axes"}) {
      maybe(node, name, [&] { return graph::Attribute{integer()}; });
    }
    for (const auto* name :
         {"axes", "perm", "pads", "strides", "dilations", "kernel_shape", "split", "starts", "ends",
          "steps", "output_shape", "shape", "output_padding", "value_ints"}) {
      maybe(node, name, [&] { return graph::Attribute{integers()}; });
    }
    for (const auto* name : {"epsilon", "alpha", "beta", "bias", "value", "min", "max", "lambd",
                             "cubic_coeff_a", "extrapolation_value", "value_float"}) {
      maybe(node, name, [&] { return graph::Attribute{real()}; });
    }
    for (const auto* name : {"mode", "direction", "auto_pad", "reduction", "equation",
                             "nearest_mode", "coordinate_transformation_mode", "padding_mode",
                             "keep_aspect_ratio_policy", "approximate"}) {
      maybe(node, name, [&] {
        return graph::Attribute{std::string{pick({"",
                                                  "LEFT",
                                                  "linear",
                                                  "cubic",
                                                  "nearest",
                                                  "reflect",
                                                  "wrap",
                                                  "edge",
                                                  "add",
                                                  "max",
                                                  "SAME_UPPER",
                                                  "VALID",
                                                  "ij,jk->ik",
                                                  "...i,i->...",
                                                  "ii->i",
                                                  "i->ij",
                                                  "i,,",
                                                  "CRD",
                                                  "tf_crop_and_resize",
                                                  "align_corners",
                                                  "not_larger",
                                                  "tanh",
                                                  "reflection"})}};
      });
    }
    graph.outputs.push_back(node.outputs[0]);
    graph.nodes.push_back(std::move(node));
    return graph;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return *(values.begin() + below(values.size()));
  }
  ElementType element_type() {
    using enum ElementType;
    return pick({f32, f32, f32, f32, f64, f16, bf16, i8, i16, i32, i64, i64, u8, u16, u32, u64,
                 boolean, string});
  }
  std::int64_t integer() {
    if (below(4) == 0) {
      return pick<std::int64_t>({std::numeric_limits<std::int64_t>::min(),
                                 std::numeric_limits<std::int64_t>::min() + 1,
                                 std::numeric_limits<std::int64_t>::max(), 1LL << 32, -(1LL << 32),
                                 1LL << 62, 0x7fffffff, -1000, 1000});
    }
    return static_cast<std::int64_t>(below(9)) - 4;
  }
  std::vector<std::int64_t> integers() {
    std::vector<std::int64_t> result(below(6));
    for (auto& value : result) {
      value = integer();
    }
    return result;
  }
  float real() {
    return pick({0.0F, 1.0F, -1.0F, 0.5F, 2.0F, 1e30F, -1e30F, 1e-30F,
                 std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                 std::numeric_limits<float>::quiet_NaN()});
  }
  Shape shape_of(std::size_t most) {
    Shape shape;
    for (auto rank = below(most + 1); rank > 0; --rank) {
      shape.push_back(static_cast<std::int64_t>(below(12) == 0 ? 0 : 1 + below(4)));
    }
    return shape;
  }
  PartialShape open(const Tensor& tensor) {
    PartialShape shape{tensor.shape()};
    for (std::size_t i = 0; i < tensor.shape().size(); ++i) {
      if (below(2) == 0) {
        shape[i] = below(2) == 0 ? Dimension{} : Dimension{0, 4};
      }
    }
    return below(6) == 0 ? PartialShape::dynamic() : shape;
  }
  Tensor tensor(ElementType type, Shape shape) {
    Tensor result{type, std::move(shape)};
    for (std::int64_t i = 0; i < result.size(); ++i) {
      switch (type) {
        case ElementType::string:
          result.strings()[i] = pick({"", "a", "1", "-7.5e3", "1e999", "inf"});
          break;
        case ElementType::f32:
          result.data<float>()[i] = below(3) == 0 ? real() : static_cast<float>(below(5));
          break;
        case ElementType::i64:
          result.data<std::int64_t>()[i] = integer();
          break;
        case ElementType::boolean:
          result.data<bool>()[i] = below(2) == 0;
          break;
        default: {
          const auto bits = integer();
          std::memcpy(
              static_cast<std::byte*>(result.data()) + static_cast<std::size_t>(i) * size_of(type),
              &bits, size_of(type));
        }
      }
    }
    return result;
  }
  template <class Make>
  void maybe(Node& node, const char* name, Make make) {
    if (below(3) != 0) {
      return;
    }
    if (below(15) == 0) {  // of the wrong kind
      node.attributes.set(name, below(2) == 0 ? graph::Attribute{std::vector<std::string>{"x"}}
                                              : graph::Attribute{Tensor::scalar(1.0F)});
      return;
    }
    node.attributes.set(name, make());
  }

  std::mt19937_64 random_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_hostile)

// Crashes and, with the sanitizers, undefined behaviour fail this test; so does an error that does
// not name the node.
BOOST_AUTO_TEST_CASE(any_node_of_any_operator_is_computed_or_refused_by_name) {
  constexpr std::uint64_t tries = 300;
  std::size_t computed = 0;
  std::size_t refused = 0;
  for (const auto* op : ops::Registry::instance().all()) {
    for (std::uint64_t seed = 0; seed < tries; ++seed) {
      auto graph = Hostile{seed * 7919 + std::hash<std::string_view>{}(op->type)}.graph_of(*op);
      BOOST_TEST_INFO(op->type << ", seed " << seed);
      try {
        passes::infer(graph, true);
        computed += graph.is_constant(graph.outputs[0]) ? 1 : 0;
      } catch (const Error& error) {
        ++refused;
        const std::string_view text{error.what()};
        BOOST_CHECK_MESSAGE(text.find("'hostile'") != std::string_view::npos, text);
      }
    }
  }
  BOOST_TEST(computed > 1000U);
  BOOST_TEST(refused > 1000U);
}

BOOST_AUTO_TEST_SUITE_END()
