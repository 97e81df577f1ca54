#include <thread>

#include "plan/onednn.hpp"
#include "plan/weights_store.hpp"
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

/// As two initializers of a file that begin at one place.
BOOST_AUTO_TEST_CASE(constants_of_other_extents_at_one_place_are_packed_apart) {
  Network network;
  const auto numbers = network.constant({64, 128, 3, 3});
  const Tensor given = network.graph.values[numbers.index].constant;
  const auto other =
      network.graph.add_constant(Tensor{ElementType::f32, Shape{128, 64, 3, 3}, given.memory()});
  const auto around = attributes({{"pads", Integers(4, 1)}});
  const auto wide = network.add("Conv", {network.input({1, 128, 12, 12}), numbers}, around);
  network.output(network.add("Conv", {wide, other}, around));
  BOOST_TEST(network.error() < 1e-4);
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

BOOST_AUTO_TEST_CASE(weights_of_8_bits_are_found_again_by_their_kind) {
  // Behind the weights of a source with a zero point oneDNN puts sums, where it needs them.
  auto attr = plan::attributes();
  attr.set_zero_points_mask(DNNL_ARG_SRC, 0);
  using plan::any_desc;
  const dnnl::memory::dims ones{1, 1};
  const dnnl::memory::dims zeros{0, 0};
  const dnnl::convolution_forward::primitive_desc primitive{
      plan::engine(),
      dnnl::prop_kind::forward_inference,
      dnnl::algorithm::convolution_direct,
      dnnl::memory::desc{
          {1, 16, 8, 8}, dnnl::memory::data_type::u8, dnnl::memory::format_tag::nhwc},
      any_desc(ElementType::i8, Shape{16, 16, 3, 3}),
      dnnl::memory::desc{
          {1, 16, 6, 6}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::nhwc},
      ones,
      zeros,
      zeros,
      attr};
  Tensor constant{ElementType::i8, {16, 16, 3, 3}};
  for (std::int64_t i = 0; i < constant.size(); ++i) {
    constant.data<std::int8_t>()[i] = static_cast<std::int8_t>(i * 7);
  }
  const auto from = desc_of(
      plan::View{{}, 0, ElementType::i8, constant.shape(), plan::plain_strides(constant.shape())});
  const auto to = primitive.weights_desc();

  plan::Weights weights;
  const auto packed = weights.impl().pack(constant, 0, from, to, "one");
  BOOST_TEST(weights.packings() == 1U);
  const auto stored = weights.packed();
  BOOST_REQUIRE(stored.size() == 1U);

  plan::Weights again;
  again.preload(stored);
  BOOST_TEST(again.impl().pack(constant, 0, from, to, "one") == packed);
  BOOST_TEST(again.packings() == 0U);
  BOOST_TEST(again.impl().pack(constant, 0, from, to, "other") != packed);
  BOOST_TEST(again.packings() == 1U);

  plan::Weights without_kind;
  without_kind.impl().pack(constant, 0, from, to);
  const bool has_sums = to.get_size() > static_cast<std::size_t>(constant.size());
  BOOST_TEST(without_kind.packed().size() == (has_sums ? 0U : 1U));
}

BOOST_AUTO_TEST_SUITE_END()
