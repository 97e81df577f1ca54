#include <boost/test/unit_test.hpp>

#include "coinfer/error.hpp"
#include "kernels/broadcast.hpp"
#include "ops/op.hpp"
#include "passes/passes.hpp"
#include "tensor/half.hpp"

using namespace coinfer;
using graph::Graph;
using graph::Node;
using graph::Value;

namespace {

graph::ValueId add_node(Graph& graph, const char* type, std::vector<graph::ValueId> inputs) {
  Node node;
  node.type = type;
  node.name = std::string{type} + "_1";
  node.opset = 17;
  node.inputs.assign(inputs.begin(), inputs.end());
  const auto result = graph.add(Value{"result"});
  node.outputs.push_back(result);
  graph.nodes.push_back(std::move(node));
  return result;
}

std::string message_of(Graph& graph) {
  try {
    passes::infer(graph, true);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_infer)

BOOST_AUTO_TEST_CASE(the_shape_of_a_static_value_is_a_constant_and_of_a_dynamic_one_is_not) {
  Graph graph;
  const auto fixed = graph.add(Value{"fixed", ElementType::f32, PartialShape{2, 3}});
  const auto open = graph.add(Value{"open", ElementType::f32, PartialShape{Dimension{}, 3}});
  const auto known = add_node(graph, "Shape", {fixed});
  const auto unknown = add_node(graph, "Shape", {open});
  passes::infer(graph, false);
  BOOST_REQUIRE(graph.is_constant(known));
  BOOST_TEST(graph[known].constant.data<std::int64_t>()[1] == 3);
  BOOST_TEST(!graph.is_constant(unknown));
  BOOST_TEST(graph[unknown].shape.to_string() == "[2]");
}

BOOST_AUTO_TEST_CASE(an_unknown_operator_is_named_in_the_error) {
  Graph graph;
  const auto x = graph.add(Value{"x", ElementType::f32, PartialShape{2}});
  add_node(graph, "Frobnicate", {x});
  BOOST_TEST(message_of(graph) ==
             "the operator Frobnicate of opset 17 is not supported (Frobnicate 'Frobnicate_1')");
}

BOOST_AUTO_TEST_CASE(a_missing_input_is_named_in_the_error) {
  Graph graph;
  add_node(graph, "Shape", {});
  BOOST_TEST(message_of(graph) == "the input 0 is missing (Shape 'Shape_1')");
}

BOOST_AUTO_TEST_CASE(dead_nodes_and_constants_are_removed) {
  Graph graph;
  const auto x = graph.add(Value{"x", ElementType::f32, PartialShape{Dimension{}}});
  const auto unused = graph.add_constant(Tensor::scalar(1.0F), "unused");
  const auto alive = add_node(graph, "Shape", {x});
  add_node(graph, "Size", {unused});
  graph.outputs.push_back(alive);
  passes::infer(graph, true);
  passes::remove_dead(graph);
  BOOST_TEST(graph.nodes.size() == 1U);
  BOOST_TEST(!graph.is_constant(unused));
}

BOOST_AUTO_TEST_CASE(no_operator_is_registered_twice) {
  const auto all = ops::Registry::instance().all();
  for (std::size_t i = 1; i < all.size(); ++i) {
    const bool same = all[i]->type == all[i - 1]->type && all[i]->domain == all[i - 1]->domain &&
                      all[i]->since == all[i - 1]->since;
    BOOST_TEST(!same, all[i]->type << " since " << all[i]->since);
  }
}

BOOST_AUTO_TEST_CASE(partial_shapes_broadcast_by_numpys_rules) {
  Graph graph;
  graph.nodes.emplace_back();
  ops::InferContext ctx{graph.nodes[0], graph};
  const auto both = [&](const char* a, const char* b) {
    return ops::broadcast(ctx, PartialShape::parse(a), PartialShape::parse(b)).to_string();
  };
  BOOST_TEST(both("[2,1,4]", "[3,1]") == "[2,3,4]");
  BOOST_TEST(both("[?,4]", "[5,1]") == "[5,4]");
  BOOST_TEST(both("[?,4]", "[?,1]") == "[?,4]");
  BOOST_TEST(both("[?]", "[1]") == "[?]");
  BOOST_TEST(both("[...]", "[1]") == "[...]");
  BOOST_CHECK_THROW(both("[2]", "[3]"), Error);
}

BOOST_AUTO_TEST_CASE(a_broadcast_walk_visits_each_element_once_in_order) {
  const kernels::Broadcast<2> walk{Shape{2, 3, 4}, {Shape{3, 1}, Shape{2, 1, 4}}};
  std::vector<std::int64_t> a;
  std::vector<std::int64_t> b;
  walk.for_each_row([&](std::int64_t d, const auto& at) {
    BOOST_TEST(d == static_cast<std::int64_t>(a.size()));
    for (std::int64_t i = 0; i < walk.row(); ++i) {
      a.push_back(at[0] + i * walk.step(0));
      b.push_back(at[1] + i * walk.step(1));
    }
  });
  BOOST_REQUIRE(a.size() == 24U);
  for (std::int64_t i = 0; i < 24; ++i) {
    BOOST_TEST(a[static_cast<std::size_t>(i)] == i / 4 % 3);
    BOOST_TEST(b[static_cast<std::size_t>(i)] == i / 12 * 4 + i % 4);
  }
  BOOST_TEST(kernels::Broadcast<2>(Shape{4, 5}, {Shape{4, 5}, Shape{}}).is_flat());
  BOOST_TEST(kernels::Broadcast<1>(Shape{4, 0}, {Shape{}}).rows() == 0);
}

BOOST_AUTO_TEST_CASE(every_half_survives_the_way_through_float) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & 0x7fffU) <= 0x7c00U && to_f16_bits(from_f16_bits(half)) != half) {
      BOOST_ERROR("f16 " << bits);
    }
    if ((half & 0x7fffU) <= 0x7f80U && to_bf16_bits(from_bf16_bits(half)) != half) {
      BOOST_ERROR("bf16 " << bits);
    }
  }
  BOOST_TEST(to_f16_bits(65519.0F) == 0x7bff);
  BOOST_TEST(to_f16_bits(65520.0F) == 0x7c00);
  BOOST_TEST(to_f16_bits(1.0F + 0x1p-11F) == 0x3c00);             // a tie goes to even
  BOOST_TEST(to_f16_bits(1.0F + 0x1p-11F + 0x1p-20F) == 0x3c01);  // above it goes up
  BOOST_TEST(to_f16_bits(0x1p-25F) == 0);
  BOOST_TEST(to_bf16_bits(1.0F + 0x1p-8F) == 0x3f80);
}

BOOST_AUTO_TEST_SUITE_END()
