#include "coinfer/error.hpp"
#include "plan/plan.hpp"
#include "plan/weights.hpp"

using namespace coinfer;
using graph::Graph;
using graph::Node;
using graph::Value;
using graph::ValueId;

namespace {

ValueId add_node(Graph& graph, const char* type, std::vector<ValueId> inputs) {
  Node node;
  node.type = type;
  node.name = std::string{type} + std::to_string(graph.nodes.size());
  node.opset = 17;
  node.inputs.assign(inputs.begin(), inputs.end());
  const auto result = graph.add(Value{node.name + "_result"});
  node.outputs.push_back(result);
  graph.nodes.push_back(std::move(node));
  return result;
}

ValueId add_input(Graph& graph, const char* name, ElementType type, PartialShape shape) {
  const auto id = graph.add(Value{name, type, std::move(shape)});
  graph.inputs.push_back(id);
  return id;
}

struct OneAdd {
  Graph graph;
  plan::Weights weights;
  plan::Scratch scratch;
  std::shared_ptr<const plan::Plan> plan;

  OneAdd() {
    const auto a = add_input(graph, "a", ElementType::f32, {Dimension{}, 3});
    const auto b = add_input(graph, "b", ElementType::f32, {Dimension{}, 3});
    graph.outputs = {add_node(graph, "Add", {a, b})};
    plan = build({2, 3});
  }

  std::shared_ptr<const plan::Plan> build(const Shape& shape) {
    const plan::Known known[] = {{graph.inputs[0], ElementType::f32, shape, {}},
                                 {graph.inputs[1], ElementType::f32, shape, {}}};
    return plan::build(graph, 0, known, weights, 2);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_build)

BOOST_FIXTURE_TEST_CASE(one_add_runs, OneAdd) {
  plan::Instance instance{plan, scratch};
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  const std::vector<float> b{10, 20, 30, 40, 50, 60};
  std::vector<float> sum(6);
  const void* inputs[] = {a.data(), b.data()};
  void* outputs[] = {sum.data()};
  const std::atomic<bool> stop{false};
  BOOST_TEST((instance.run(inputs, outputs, stop) == plan::Instance::End::finished));
  BOOST_TEST(sum == (std::vector<float>{11, 22, 33, 44, 55, 66}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(other_pointers_are_taken_up_at_the_next_run, OneAdd) {
  plan::Instance instance{plan, scratch};
  const std::atomic<bool> stop{false};
  for (int i = 1; i < 4; ++i) {
    const auto x = static_cast<float>(i);
    const std::vector<float> a(6, x);
    const std::vector<float> b(6, 10 * x);
    std::vector<float> sum(6);
    const void* inputs[] = {a.data(), b.data()};
    void* outputs[] = {sum.data()};
    instance.run(inputs, outputs, stop);
    BOOST_TEST(sum[5] == 11 * x);
  }
}

BOOST_FIXTURE_TEST_CASE(a_stopped_run_writes_nothing, OneAdd) {
  plan::Instance instance{plan, scratch};
  const std::vector<float> a(6, 1);
  std::vector<float> sum(6, -1);
  const void* inputs[] = {a.data(), a.data()};
  void* outputs[] = {sum.data()};
  const std::atomic<bool> stop{true};
  BOOST_TEST((instance.run(inputs, outputs, stop) == plan::Instance::End::stopped));
  BOOST_TEST(sum[0] == -1);
}

BOOST_FIXTURE_TEST_CASE(a_tiny_plan_runs_on_one_thread, OneAdd) {
  BOOST_TEST(plan->threads() == 1);
  BOOST_TEST(build({1000, 1000})->threads() == 2);
}

BOOST_FIXTURE_TEST_CASE(a_plan_tells_its_ports_and_steps, OneAdd) {
  BOOST_REQUIRE(plan->inputs().size() == 2);
  BOOST_TEST(plan->inputs()[1].name == "b");
  BOOST_REQUIRE(plan->outputs().size() == 1);
  BOOST_TEST(plan->outputs()[0].shape.to_string() == "[2,3]");
  BOOST_REQUIRE(plan->step_infos().size() == 1);
  BOOST_TEST(plan->step_infos()[0].type == "Add");
  BOOST_TEST(plan->step_infos()[0].implementation == "kernel");
  BOOST_TEST(build({1000, 1000})->step_infos()[0].implementation != "kernel");
  BOOST_TEST((plan->cut() == nullptr));
}

BOOST_FIXTURE_TEST_CASE(an_empty_batch_needs_no_step, OneAdd) {
  plan = build({0, 3});
  BOOST_TEST(plan->step_infos().empty());
  plan::Instance instance{plan, scratch};
  const void* inputs[] = {nullptr, nullptr};
  void* outputs[] = {nullptr};
  const std::atomic<bool> stop{false};
  BOOST_TEST((instance.run(inputs, outputs, stop) == plan::Instance::End::finished));
}

BOOST_AUTO_TEST_CASE(outputs_that_are_inputs_or_listed_twice_are_copied) {
  Graph graph;
  const auto a = add_input(graph, "a", ElementType::i64, {2});
  const auto sum = add_node(graph, "Add", {a, a});
  graph.outputs = {a, sum, sum};
  const plan::Known known[] = {{a, ElementType::i64, {2}, {}}};
  plan::Weights weights;
  plan::Scratch scratch;
  plan::Instance instance{plan::build(graph, 0, known, weights, 1), scratch};
  const std::int64_t in[] = {1, 2};
  std::int64_t out[3][2] = {};
  const void* inputs[] = {in};
  void* outputs[] = {out[0], out[1], out[2]};
  const std::atomic<bool> stop{false};
  instance.run(inputs, outputs, stop);
  BOOST_TEST(out[0][1] == 2);
  BOOST_TEST(out[1][1] == 4);
  BOOST_TEST(out[2][1] == 4);
}

BOOST_FIXTURE_TEST_CASE(an_output_over_an_inputs_memory_is_written_last, OneAdd) {
  // b is read by a second step, after the first has written the output that lies over it.
  const auto b = graph.inputs[1];
  graph.outputs.push_back(add_node(graph, "Mul", {graph.outputs[0], b}));
  plan = build({1, 3});
  plan::Instance instance{plan, scratch};
  const float a[] = {1, 2, 3};
  float in_and_out[] = {10, 20, 30};
  float product[3] = {};
  const void* inputs[] = {a, in_and_out};
  void* outputs[] = {in_and_out, product};
  const std::atomic<bool> stop{false};
  instance.run(inputs, outputs, stop);
  BOOST_TEST(in_and_out[2] == 33);
  BOOST_TEST(product[2] == 990);
}

BOOST_AUTO_TEST_SUITE_END()
