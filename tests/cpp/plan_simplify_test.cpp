#include <boost/test/unit_test.hpp>

#include "coinfer/error.hpp"
#include "one_node.hpp"
#include "plan/plan.hpp"
#include "plan/weights.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using graph::Graph;
using graph::Node;
using graph::Value;
using graph::ValueId;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

namespace {

/// A graph with one f32 input, run through a plan.
struct OneInput {
  Graph graph;
  plan::Weights weights;
  std::shared_ptr<const plan::Plan> plan;

  explicit OneInput(const PartialShape& shape) {
    graph.inputs = {graph.add(Value{"x", ElementType::f32, shape})};
  }
  ValueId input() const { return graph.inputs[0]; }

  ValueId add(const char* type, std::vector<ValueId> inputs,
              std::vector<std::pair<const char*, graph::Attribute>> attributes = {}) {
    Node node;
    node.type = type;
    node.name = std::string{type} + std::to_string(graph.nodes.size());
    node.opset = 18;
    node.inputs.assign(inputs.begin(), inputs.end());
    node.outputs = {graph.add(Value{node.name})};
    for (auto& [name, value] : attributes) {
      node.attributes.set(name, std::move(value));
    }
    graph.nodes.push_back(std::move(node));
    return graph.nodes.back().outputs[0];
  }
  ValueId constant(Tensor tensor) { return graph.add_constant(std::move(tensor)); }

  Tensor run(ValueId output, const Tensor& x) {
    graph.outputs = {output};
    const plan::Known known[] = {{graph.inputs[0], x.type(), x.shape(), {}}};
    plan = plan::build(graph, 0, known, weights, 1);
    plan::Scratch scratch;
    plan::Instance instance{plan, scratch};
    Tensor result{plan->outputs()[0].type, plan->outputs()[0].shape};
    const void* inputs[] = {x.data()};
    void* outputs[] = {result.data()};
    instance.run(inputs, outputs, std::atomic<bool>{false});
    return result;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_simplify)

BOOST_AUTO_TEST_CASE(a_convolution_over_width_1_is_computed_as_one_over_a_line) {
  const auto x = counting(Shape{1, 16, 9, 1});
  const auto w = counting(Shape{16, 16, 3, 1});
  const std::vector<std::pair<const char*, graph::Attribute>> attributes{
      {"strides", Ints{2, 1}}, {"pads", Ints{1, 0, 0, 0}}, {"kernel_shape", Ints{3, 1}}};
  OneInput net{PartialShape{1, 16, 9, 1}};
  const auto came = net.run(net.add("Conv", {net.input(), net.constant(w)}, attributes), x);
  OneNode plain{"Conv"};
  for (const auto& [name, value] : attributes) {
    plain.set(name, value);
  }
  const auto expected = plain.input(x).input(w).value();
  BOOST_TEST(came.shape().to_string() == "[1,16,4,1]");
  BOOST_TEST(came.shape() == expected.shape(), boost::test_tools::per_element());
  for (std::int64_t i = 0; i < came.size(); ++i) {
    BOOST_TEST(came.data<float>()[i] == expected.data<float>()[i],
               boost::test_tools::tolerance(1e-5F));
  }
  const auto steps = net.plan->step_infos();
  BOOST_TEST(std::any_of(steps.begin(), steps.end(),
                         [](const auto& step) { return step.layout == "nwc"; }));
}

BOOST_AUTO_TEST_CASE(what_changes_nothing_for_these_shapes_takes_no_step) {
  OneInput net{PartialShape{Dimension{}, 3}};
  auto y = net.add("Neg", {net.input()});
  y = net.add("Slice",
              {y, net.constant(ints({0})), net.constant(ints({100})), net.constant(ints({0}))});
  y = net.add("Unsqueeze", {y, net.constant(ints({0}))});
  y = net.add("Squeeze", {y, net.constant(ints({0}))});
  y = net.add("Cast", {y}, {{"to", std::int64_t{1}}});
  y = net.add("Expand", {y, net.constant(ints({2, 3}))});
  y = net.add("Neg", {y});
  BOOST_TEST(values<float>(net.run(y, counting(Shape{2, 3}))) == (Floats{0, 1, 2, 3, 4, 5}),
             boost::test_tools::per_element());
  for (const auto& step : net.plan->step_infos()) {
    BOOST_TEST((step.type == "Neg" || step.type == "Output"), step.type);
  }
}

BOOST_AUTO_TEST_CASE(a_slice_that_reverses_stays) {
  OneInput net{PartialShape{3}};
  const auto y =
      net.add("Slice", {net.input(), net.constant(ints({-1})), net.constant(ints({-100})),
                        net.constant(ints({0})), net.constant(ints({-1}))});
  BOOST_TEST(values<float>(net.run(net.add("Neg", {y}), counting(Shape{3}))) == (Floats{-2, -1, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(element_wise_work_reads_through_an_expansion) {
  OneInput net{PartialShape{2, 3}};
  const auto top = net.add("ReduceMax", {net.input(), net.constant(ints({1}))});
  const auto wide = net.add("Expand", {top, net.constant(ints({2, 3}))});
  const auto y = net.add("Sub", {net.input(), wide});
  BOOST_TEST(values<float>(net.run(y, counting(Shape{2, 3}))) == (Floats{-2, -1, 0, -2, -1, 0}),
             boost::test_tools::per_element());
  for (const auto& step : net.plan->step_infos()) {
    BOOST_TEST(step.type != "Expand");
  }
  // Where the expansion alone makes the shape, it stays.
  OneInput tall{PartialShape{1, 3}};
  const auto both = tall.add("Expand", {tall.input(), tall.constant(ints({2, 3}))});
  const auto sum = tall.add("Add", {both, tall.constant(make<float>(Shape{1}, {1}))});
  BOOST_TEST(values<float>(tall.run(sum, counting(Shape{1, 3}))) == (Floats{1, 2, 3, 1, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_reads_an_expansion_works_on_what_was_expanded) {
  // The mean over rows of which some do not count, as sentence transformers have it.
  OneInput net{PartialShape{1, 3, 2}};
  const auto first = net.add("Slice", {net.input(), net.constant(ints({0})),
                                       net.constant(ints({1})), net.constant(ints({2}))});
  const auto counts = net.add("Cast", {first}, {{"to", std::int64_t{7}}});
  const auto wide = net.add("Expand", {counts, net.constant(ints({1, 3, 2}))});
  const auto mask = net.add("Cast", {wide}, {{"to", std::int64_t{1}}});
  const auto axes = net.constant(ints({1}));
  const auto sum = net.add("ReduceSum", {net.add("Mul", {net.input(), mask}), axes},
                           {{"keepdims", std::int64_t{0}}});
  const auto number = net.add("ReduceSum", {mask, axes}, {{"keepdims", std::int64_t{0}}});
  const auto y = net.add("Div", {sum, number});
  // Rows (0, 1), (2, 3), (4, 5) by weights 0, 2 and 4.
  BOOST_TEST(values<float>(net.run(y, counting(Shape{1, 3, 2}))) == (Floats{20.0F / 6, 26.0F / 6}),
             boost::test_tools::per_element());
  for (const auto& step : net.plan->step_infos()) {
    BOOST_TEST(step.type != "Expand");
  }
}

BOOST_AUTO_TEST_CASE(an_expanded_axis_that_is_reduced_is_expanded_before) {
  OneInput net{PartialShape{2, 1}};
  const auto wide = net.add("Expand", {net.input(), net.constant(ints({2, 3}))});
  const auto sum = net.add("ReduceSum", {net.add("Neg", {wide}), net.constant(ints({-1}))});
  BOOST_TEST(values<float>(net.run(sum, counting(Shape{2, 1}))) == (Floats{0, -3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(expansions_that_several_read_or_that_leave_keep_what_they_make) {
  OneInput net{PartialShape{2, 1, 2}};
  const auto wide = net.add("Expand", {net.input(), net.constant(ints({2, 3, 2}))});
  const auto most = net.constant(make<float>(Shape{}, {2}));
  const auto clipped = net.add("Clip", {wide, ValueId{}, most});
  // The last axis is as it was, the middle one is not; the clipped one is read twice.
  const auto kept = net.add("ReduceSum", {clipped, net.constant(ints({-1}))});
  const auto lost = net.add("ReduceSum", {clipped, net.constant(ints({-2}))});
  net.add("Sub", {kept, lost});
  const auto outputs = {wide, clipped, kept, lost, net.graph.nodes.back().outputs[0]};
  const std::vector<Floats> wanted{{0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3},
                                   {0, 1, 0, 1, 0, 1, 2, 2, 2, 2, 2, 2},
                                   {1, 1, 1, 4, 4, 4},
                                   {0, 3, 6, 6},
                                   {1, -2, 1, -2, 1, -2, -2, -2, -2, -2, -2, -2}};
  std::size_t i = 0;
  for (const auto output : outputs) {
    const auto got = net.run(output, counting(Shape{2, 1, 2}));
    BOOST_TEST(values<float>(got) == wanted[i], boost::test_tools::per_element());
    BOOST_TEST(got.shape() == net.plan->outputs()[0].shape);
    ++i;
  }
}

BOOST_AUTO_TEST_CASE(an_output_that_changes_nothing_is_still_written) {
  OneInput net{PartialShape{3}};
  const auto y = net.add("Cast", {net.input()}, {{"to", std::int64_t{1}}});
  BOOST_TEST(values<float>(net.run(y, counting(Shape{3}))) == (Floats{0, 1, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_one_hot_encoding_times_a_matrix_is_a_look_up) {
  const auto matrix = counting(Shape{3, 2});
  OneInput net{PartialShape{1, 5, 1}};
  const auto indices = net.add("Cast", {net.input()}, {{"to", std::int64_t{6}}});
  const auto equal =
      net.add("Equal", {indices, net.constant(counting<std::int32_t>(Shape{1, 1, 3}))});
  const auto encoded = net.add("Cast", {equal}, {{"to", std::int64_t{1}}});
  auto y = net.add("MatMul", {encoded, net.constant(matrix)});
  y = net.add("Add", {y, net.constant(make<float>(Shape{1, 1, 2}, {10, -20}))});
  y = net.add("Relu", {y});
  // 3 and -1 are no columns: a row of zeros, with the addition and the Relu done to it.
  BOOST_TEST(values<float>(net.run(y, make<float>(Shape{1, 5, 1}, {2, 0, 3, -1, 1}))) ==
                 (Floats{14, 0, 10, 0, 10, 0, 10, 0, 12, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(net.plan->step_infos().back().type == "LookUp");
}

BOOST_AUTO_TEST_CASE(an_encoding_that_counts_otherwise_is_multiplied) {
  OneInput net{PartialShape{2, 1}};
  const auto indices = net.add("Cast", {net.input()}, {{"to", std::int64_t{6}}});
  const auto equal =
      net.add("Equal", {indices, net.constant(make<std::int32_t>(Shape{1, 2}, {1, 0}))});
  const auto encoded = net.add("Cast", {equal}, {{"to", std::int64_t{1}}});
  const auto y = net.add("MatMul", {encoded, net.constant(counting(Shape{2, 2}))});
  BOOST_TEST(values<float>(net.run(y, make<float>(Shape{2, 1}, {0, 1}))) == (Floats{2, 3, 0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
