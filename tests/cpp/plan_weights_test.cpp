#include <thread>

#include "reference.hpp"

using namespace coinfer;
using namespace coinfer::reference;

namespace {

/// One product with constant weights over a batch of any size.
struct Model {
  graph::Graph graph;
  plan::Weights weights;

  Model() {
    Network network;
    const auto x = network.input({1, 64});
    const auto hidden = network.add("MatMul", {x, network.constant({64, 96})});
    network.output(network.add("Gemm", {hidden, network.constant({48, 96}), network.constant({48})},
                               attributes({{"transB", std::int64_t{1}}})));
    graph = network.graph;
    graph[x].shape = PartialShape{Dimension{}, 64};
    passes::optimise(graph);
  }

  std::shared_ptr<const plan::Plan> build(std::int64_t batch) {
    const plan::Known known[] = {{graph.inputs[0], ElementType::f32, {batch, 64}, {}}};
    return plan::build(graph, 0, known, weights, 1);
  }

  std::vector<float> run(const std::shared_ptr<const plan::Plan>& plan) {
    plan::Scratch scratch;
    plan::Instance instance{plan, scratch};
    const std::vector<float> in(static_cast<std::size_t>(plan->inputs()[0].shape.elements()),
                                0.25F);
    std::vector<float> out(static_cast<std::size_t>(plan->outputs()[0].shape.elements()));
    const void* inputs[] = {in.data()};
    void* outputs[] = {out.data()};
    const std::atomic<bool> stop{false};
    instance.run(inputs, outputs, stop);
    return out;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_weights)

BOOST_FIXTURE_TEST_CASE(weights_are_packed_once_for_all_shapes, Model) {
  const auto first = build(16);
  const auto packed = weights.bytes();
  BOOST_TEST(packed > 0U);
  build(32);
  build(48);
  BOOST_TEST(weights.bytes() == packed);
  BOOST_TEST(build(16)->step_infos().size() == first->step_infos().size());
}

BOOST_FIXTURE_TEST_CASE(one_row_needs_no_packed_weights, Model) {
  build(1);
  BOOST_TEST(weights.bytes() == 0U);
}

BOOST_FIXTURE_TEST_CASE(plans_of_other_shapes_agree_row_by_row, Model) {
  const auto one = run(build(1));
  for (const std::int64_t batch : {2, 7, 33}) {
    const auto many = run(build(batch));
    for (std::size_t i = 0; i < many.size(); ++i) {
      BOOST_REQUIRE_CLOSE_FRACTION(many[i], one[i % one.size()], 1e-4);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(plans_may_be_built_and_run_at_the_same_time, Model) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  const auto expected = run(build(1));
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const auto got = run(build(2 + (t + i) % 5));
        for (std::size_t k = 0; k < got.size(); ++k) {
          wrong += std::abs(got[k] - expected[k % expected.size()]) > 1e-3F ? 1 : 0;
        }
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()
