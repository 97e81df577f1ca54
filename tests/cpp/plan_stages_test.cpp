#include "ops/op.hpp"
#include "reference.hpp"

using namespace coinfer;
using namespace coinfer::reference;

namespace {

std::vector<Tensor> run(const std::shared_ptr<const plan::Plan>& plan,
                        const std::vector<Tensor>& inputs) {
  plan::Scratch scratch;
  plan::Instance instance{plan, scratch};
  std::vector<const void*> in;
  for (const auto& tensor : inputs) {
    in.push_back(tensor.data());
  }
  std::vector<Tensor> results;
  std::vector<void*> out;
  for (const auto& port : plan->outputs()) {
    results.emplace_back(port.type, port.shape);
    out.push_back(results.back().data());
  }
  const std::atomic<bool> stop{false};
  instance.run(in, out, stop);
  return results;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_stages)

BOOST_AUTO_TEST_CASE(a_shape_that_is_computed_from_values_cuts_the_plan) {
  // Expand's target shape is input + 1, known only when it was computed.
  graph::Graph graph;
  const auto x = graph.add({"x", ElementType::f32, PartialShape{1, 3}});
  const auto shape = graph.add({"shape", ElementType::i64, PartialShape{2}});
  graph.inputs = {x, shape};
  Network network;
  network.graph = graph;
  const auto one = network.integers({1, 0});
  const auto relu = network.add("Relu", {x});
  const auto target = network.add("Add", {shape, one});
  network.output(network.add("Neg", {network.add("Expand", {relu, target})}));
  const auto& model = network.graph;

  const plan::Known known[] = {{x, ElementType::f32, {1, 3}, {}},
                               {shape, ElementType::i64, {2}, {}}};
  plan::Weights weights;
  const auto first = plan::build(model, 0, known, weights, 1);
  BOOST_REQUIRE(first->cut() != nullptr);
  const auto& cut = *first->cut();
  BOOST_TEST(!cut.evaluate_next);
  BOOST_TEST(cut.next_node == 2U);
  BOOST_REQUIRE(cut.known.size() == 1U);
  BOOST_TEST((cut.known[0] == target));

  Tensor x_value{ElementType::f32, {1, 3}};
  std::copy_n(std::array{-1.0F, 2.0F, 3.0F}.data(), 3, x_value.data<float>());
  const auto shape_value = Tensor::vector<std::int64_t>(std::vector<std::int64_t>{3, 3});
  const auto results = run(first, {x_value, shape_value});

  std::vector<plan::Known> next;
  std::vector<Tensor> values;
  for (const auto id : cut.live) {
    const auto ports = first->outputs();
    const auto port = std::find_if(ports.begin(), ports.end(),
                                   [&](const auto& one_port) { return one_port.value == id; });
    BOOST_REQUIRE((port != ports.end()));
    const auto& value = results[static_cast<std::size_t>(port - ports.begin())];
    next.push_back({id, value.type(), value.shape(), id == target ? value : Tensor{}});
    values.push_back(value);
  }
  const auto second = plan::build(model, cut.next_node, next, weights, 1);
  BOOST_TEST((second->cut() == nullptr));
  const auto end = run(second, values);
  BOOST_REQUIRE(end.size() == 1U);
  BOOST_TEST(end[0].shape().to_string() == "[4,3]");
  BOOST_TEST(end[0].data<float>()[11] == -3);
  BOOST_TEST(end[0].data<float>()[9] == 0);
}

BOOST_AUTO_TEST_CASE(an_operator_whose_result_has_any_size_is_evaluated_between_stages) {
  Network network;
  const auto x = network.input({2, 3});
  const auto relu = network.add("Relu", {x});
  const auto found = network.add("NonZero", {relu});
  network.output(network.add("Abs", {found}));
  const auto plan = network.build(network.graph);
  BOOST_REQUIRE(plan->cut() != nullptr);
  BOOST_TEST(plan->cut()->evaluate_next);
  BOOST_TEST(plan->cut()->next_node == 1U);
  BOOST_REQUIRE(plan->cut()->live.size() == 1U);
  BOOST_TEST((plan->cut()->live[0] == relu));
  BOOST_TEST((plan->outputs()[0].value == relu));
}

BOOST_AUTO_TEST_SUITE_END()
