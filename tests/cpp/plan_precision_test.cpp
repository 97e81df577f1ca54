#include <boost/test/unit_test.hpp>

#include "plan/precision.hpp"
#include "reference.hpp"
#include "worse.hpp"

using namespace coinfer;
using reference::attributes;
using reference::Integers;
using reference::Network;

namespace {

/// bf16 has 8 significant bits: products of rounded numbers, then results rounded a few times.
constexpr double rounding = 0.04;

/// The error of the optimised network in mixed precision; its steps stay in `steps`.
double error_of(Network& network) {
  auto optimised = network.graph;
  passes::optimise(optimised);
  const auto plan = network.build(optimised, 2, true);
  network.steps.assign(plan->step_infos().begin(), plan->step_infos().end());
  const auto got = network.run(plan);
  const auto wanted = network.expected();
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    worst = reference::worse(worst, Network::difference(got.at(i), wanted[i]));
  }
  return worst;
}

/// Lets a test pass where the machine has no bf16: then all must be as exact as f32.
void check(Network& network) {
  const auto error = error_of(network);
  if (plan::has_bf16()) {
    BOOST_TEST(error < rounding);
    BOOST_TEST(error > 1e-4, "this was computed in f32: " << error);
  } else {
    BOOST_TEST(error < 1e-5);
  }
}

std::ptrdiff_t count_of(const Network& network, std::string_view type) {
  return std::count_if(network.steps.begin(), network.steps.end(),
                       [&](const auto& step) { return step.type == type; });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_precision)

BOOST_AUTO_TEST_CASE(convolutions_of_ragged_shapes_run_in_bf16) {
  struct Case {
    std::int64_t batch, in, out, height, width, kernel, stride, group;
  };
  for (const auto& [batch, in, out, height, width, kernel, stride, group] :
       {Case{1, 3, 17, 31, 29, 3, 2, 1}, Case{2, 33, 19, 13, 7, 1, 1, 1},
        Case{1, 32, 64, 9, 11, 3, 1, 2}, Case{1, 5, 40, 17, 19, 5, 3, 1}}) {
    Network network;
    const auto x = network.input({batch, in, height, width});
    const auto w = network.constant({out, in / group, kernel, kernel});
    const auto b = network.constant({out});
    const auto y = network.add("Conv", {x, w, b},
                               attributes({{"pads", Integers(4, kernel / 2)},
                                           {"strides", Integers(2, stride)},
                                           {"group", group}}));
    network.output(network.add("Relu", {y}));
    check(network);
  }
}

BOOST_AUTO_TEST_CASE(products_of_ragged_matrices_run_in_bf16) {
  for (const std::int64_t k : {37, 96}) {
    Network network;
    const auto x = network.input({3, 29, k});
    const auto w = network.constant({k, 67});
    const auto b = network.constant({67});
    const auto y = network.add("Add", {network.add("MatMul", {x, w}), b});
    const auto z = network.input({3, 67, 41});
    network.output(network.add("MatMul", {network.add("Gelu", {y}), z}));
    check(network);
  }
  Network network;
  const auto x = network.input({43, 71});
  network.output(network.add("Gemm", {x, network.constant({53, 71}), network.constant({53})},
                             attributes({{"transB", std::int64_t{1}}})));
  check(network);
}

BOOST_AUTO_TEST_CASE(few_rows_with_many_weights_run_in_bf16) {
  for (const std::int64_t rows : {1, 5, 16}) {
    Network network;
    const auto x = network.input({rows, 530});
    const auto y = network.add("MatMul", {x, network.constant({530, 1030})});
    const auto z = network.add("Relu", {network.add("Add", {y, network.constant({1030})})});
    network.output(
        network.add("Gemm", {z, network.constant({1030, 515}), network.constant({515})}));
    check(network);
  }
  Network image;
  const auto x = image.input({1, 500, 5, 3});
  image.output(image.add("Conv", {x, image.constant({640, 500, 1, 1})}));
  check(image);
}

BOOST_AUTO_TEST_CASE(what_lies_between_convolutions_runs_in_bf16) {
  Network network;
  const auto conv = [&](graph::ValueId x, std::int64_t in, std::int64_t out) {
    return network.add("Conv", {x, network.constant({out, in, 3, 3}, -0.2F, 0.2F)},
                       attributes({{"pads", Integers(4, 1)}}));
  };
  const auto x = network.input({1, 8, 21, 19});
  const auto first = network.add("Relu", {conv(x, 8, 24)});
  const auto pooled =
      network.add("MaxPool", {first},
                  attributes({{"kernel_shape", Integers{3, 3}}, {"strides", Integers{2, 2}}}));
  const auto averaged =
      network.add("AveragePool", {first},
                  attributes({{"kernel_shape", Integers{3, 3}}, {"strides", Integers{2, 2}}}));
  const auto joined =
      network.add("Concat", {pooled, averaged}, attributes({{"axis", std::int64_t{1}}}));
  const auto second = conv(joined, 48, 48);
  const auto sum = network.add("Add", {second, joined});
  const auto scaled = network.add("Mul", {network.add("Sigmoid", {sum}), network.scalar(1.5F)});
  const auto shifted = network.add("Add", {scaled, network.constant({48, 1, 1})});
  network.output(conv(shifted, 48, 16));
  network.output(joined);  // leaves in f32 and goes on in bf16
  check(network);
  if (plan::has_bf16()) {
    for (const auto& step : network.steps) {
      BOOST_TEST(step.implementation != "kernel", step.node << " " << step.type);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_attention_keeps_its_softmax_in_f32) {
  Network network;
  const auto q = network.input({2, 3, 23, 40});
  const auto k = network.input({2, 3, 40, 31});
  const auto v = network.input({2, 3, 31, 40});
  const auto scores = network.add("Mul", {network.add("MatMul", {q, k}), network.scalar(0.15F)});
  const auto masked = network.add("Add", {scores, network.input({2, 1, 1, 31})});
  const auto weights = network.add("Softmax", {masked}, attributes({{"axis", std::int64_t{-1}}}));
  const auto heads = network.add("MatMul", {weights, v});
  const auto rows = network.add("Transpose", {heads}, attributes({{"perm", Integers{0, 2, 1, 3}}}));
  const auto joined = network.add("Reshape", {rows, network.integers({2, 23, 120})});
  const auto projected = network.add("MatMul", {joined, network.constant({120, 50})});
  network.output(network.add("Add", {projected, network.input({2, 23, 50})}));
  check(network);
  if (plan::has_amx()) {
    BOOST_TEST(count_of(network, "Attention") == 1);
    BOOST_TEST(count_of(network, "Reshape") == 0, "heads are written side by side");
  }
}

BOOST_AUTO_TEST_CASE(attentions_are_joined_only_where_nothing_else_reads_between) {
  const auto attention = [](Network& network, const Shape& q, const Shape& k, const Shape& v) {
    const auto scores = network.add("MatMul", {network.input(q), network.input(k)});
    const auto weights = network.add("Softmax", {scores}, attributes({{"axis", std::int64_t{-1}}}));
    network.output(network.add("MatMul", {weights, network.input(v)}));
    return std::pair{scores, weights};
  };
  {
    Network network;  // k and v are shared by the heads, as in multi-query attention
    attention(network, {2, 4, 40, 16}, {2, 1, 16, 35}, {1, 1, 35, 24});
    check(network);
    BOOST_TEST(count_of(network, "Attention") == (plan::has_amx() ? 1 : 0));
  }
  {
    Network network;  // and of one rank less than the queries
    attention(network, {2, 4, 40, 16}, {16, 35}, {35, 24});
    check(network);
  }
  {
    Network network;
    network.output(attention(network, {2, 40, 16}, {2, 16, 35}, {2, 35, 24}).first);
    check(network);
    BOOST_TEST(count_of(network, "Attention") == 0);
  }
  {
    Network network;
    network.output(attention(network, {2, 40, 16}, {2, 16, 35}, {2, 35, 24}).second);
    check(network);
    BOOST_TEST(count_of(network, "Attention") == 0);
  }
  {
    Network network;  // the values have a batch that the scores have not
    attention(network, {1, 40, 16}, {1, 16, 35}, {3, 35, 24});
    check(network);
    BOOST_TEST(count_of(network, "Attention") == 0);
  }
}

BOOST_AUTO_TEST_CASE(few_pixels_and_many_weights_are_read_panel_by_panel) {
  const auto panels_of = [](const Network& network) {
    return std::count_if(network.steps.begin(), network.steps.end(),
                         [](const auto& step) { return step.implementation == "panels:amx"; });
  };
  {
    Network network;
    const auto x = network.input({1, 128, 13, 13});
    const auto w = network.constant({320, 128, 3, 3}, -0.05F, 0.05F);
    const auto y = network.add("Conv", {x, w, network.constant({320})},
                               attributes({{"strides", Integers{2, 2}}, {"pads", Integers(4, 1)}}));
    const auto one = network.add("Conv", {y, network.constant({1024, 320, 1, 1}, -0.1F, 0.1F)});
    const auto other = network.add("Conv", {y, network.constant({1024, 320, 1, 1}, -0.1F, 0.1F)});
    const auto sum = network.add("Relu", {network.add("Add", {one, other})});
    network.output(network.add("Conv", {sum, network.constant({256, 1024, 1, 1}, -0.1F, 0.1F)}));
    check(network);
    BOOST_TEST(panels_of(network) == (plan::has_amx() ? 4 : 0));
  }
  {
    Network network;
    const auto x = network.input({1, 17, 512});
    const auto y = network.add("MatMul", {x, network.constant({512, 768}, -0.1F, 0.1F)});
    const auto z = network.add("Add", {y, network.constant({768})});
    const auto product = network.add("MatMul", {z, network.constant({768, 512}, -0.1F, 0.1F)});
    network.output(network.add("Add", {product, x}));
    check(network);
    BOOST_TEST(panels_of(network) == (plan::has_amx() ? 2 : 0));
  }
}

BOOST_AUTO_TEST_CASE(transposed_convolutions_run_in_bf16) {
  for (const std::int64_t out : {5, 24}) {
    for (const std::int64_t group : {1, 2}) {
      Network network;
      const auto x = network.input({2, 32, 9, 7});
      const auto y = network.add(
          "ConvTranspose", {x, network.constant({32, out, 3, 3}), network.constant({out * group})},
          attributes({{"strides", Integers(2, 2)}, {"pads", Integers(4, 1)}, {"group", group}}));
      network.output(network.add("Sigmoid", {y}));
      const auto error = error_of(network);
      BOOST_TEST(error < rounding);
    }
  }
}

BOOST_AUTO_TEST_CASE(convolutions_of_one_plane_stay_in_f32) {
  Network network;
  const auto x = network.input({2, 1, 31, 29});
  const auto y = network.add("Conv", {x, network.constant({24, 1, 3, 3})});
  network.output(network.add("Relu", {y}));
  const auto error = error_of(network);
  BOOST_TEST(error < 1e-5);
}

BOOST_AUTO_TEST_CASE(what_inputs_add_to_recurrent_states_is_computed_in_bf16) {
  struct Case {
    const char* cell;
    std::int64_t gates;
    std::int64_t batch;  // of up to 8 rows the recurrent weights are bf16, too
    std::int64_t reset_after = 0;
  };
  for (const auto& [cell, gates, batch, reset_after] :
       {Case{"RNN", 1, 16}, Case{"GRU", 3, 16}, Case{"LSTM", 4, 16}, Case{"RNN", 1, 8},
        Case{"GRU", 3, 7}, Case{"GRU", 3, 2, 1}, Case{"LSTM", 4, 1}}) {
    Network network;
    const auto x = network.input({64, batch, 40});
    const auto hidden = std::int64_t{72};
    const auto y = network.add(cell,
                               {x, network.constant({2, gates * hidden, 40}, -0.2F, 0.2F),
                                network.constant({2, gates * hidden, hidden}, -0.2F, 0.2F),
                                network.constant({2, 2 * gates * hidden}, -0.2F, 0.2F)},
                               attributes({{"hidden_size", hidden},
                                           {"direction", "bidirectional"},
                                           {"linear_before_reset", reset_after}}));
    network.output(y);
    BOOST_TEST_CONTEXT(cell << ", batch " << batch) { check(network); }
  }
}

BOOST_AUTO_TEST_CASE(narrow_groups_and_their_shuffle_are_one_product) {
  for (const bool shuffled : {true, false}) {
    for (const std::int64_t groups : {2, 3}) {
      Network network;
      const auto x = network.input({2, 12 * groups, 9, 7});
      auto y = network.add("Conv",
                           {x, network.constant({10 * groups, 12, 3, 3}, -0.2F, 0.2F),
                            network.constant({10 * groups})},
                           attributes({{"group", groups}, {"pads", Integers(4, 1)}}));
      y = network.add("Relu", {y});
      if (shuffled) {
        y = network.add("Reshape", {y, network.integers({2, groups, 10, 9, 7})});
        y = network.add("Transpose", {y}, attributes({{"perm", Integers{0, 2, 1, 3, 4}}}));
        y = network.add("Reshape", {y, network.integers({2, 10 * groups, 9, 7})});
      }
      network.output(network.add("Conv", {y, network.constant({16, 10 * groups, 1, 1})}));
      check(network);
      if (plan::has_amx()) {
        BOOST_TEST(count_of(network, "Reshape") == 0);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(patches_are_rows_of_a_product) {
  for (const bool bias : {true, false}) {
    Network network;
    const auto x = network.input({2, 3, 24, 32});
    std::vector<graph::ValueId> inputs{x, network.constant({40, 3, 12, 8})};
    if (bias) {
      inputs.push_back(network.constant({40}));
    }
    const auto y = network.add("Conv", inputs, attributes({{"strides", Integers{12, 8}}}));
    const auto flat = network.add("Reshape", {y, network.integers({2, 40, 8})});
    network.output(network.add("Transpose", {flat}, attributes({{"perm", Integers{0, 2, 1}}})));
    BOOST_TEST(network.error() < 1e-5);
    BOOST_TEST(count_of(network, "Conv") == 0);
    check(network);
  }
  Network network;  // nobody rearranges the result
  const auto y =
      network.add("Conv", {network.input({1, 3, 16, 16}), network.constant({40, 3, 8, 8})},
                  attributes({{"strides", Integers{8, 8}}}));
  network.output(network.add("Relu", {y}));
  BOOST_TEST(network.error() < 1e-5);
}

BOOST_AUTO_TEST_CASE(normalisations_between_products_round_what_they_store) {
  for (const std::int64_t length : {37, 64, 130}) {
    Network network;
    const auto x = network.input({3, 29, 48});
    const auto y = network.add("MatMul", {x, network.constant({48, length})});
    const auto normal =
        network.add("LayerNormalization",
                    {y, network.constant({length}, 0.5F, 1.5F), network.constant({length})});
    const auto z = network.add("MatMul", {normal, network.constant({length, 53}, -0.1F, 0.1F)});
    const auto weights = network.add("Softmax", {z}, attributes({{"axis", std::int64_t{-1}}}));
    network.output(network.add("MatMul", {weights, network.constant({53, 40})}));
    check(network);
    if (plan::has_bf16()) {
      const auto casts = std::count_if(network.steps.begin(), network.steps.end(),
                                       [](const auto& step) { return step.type == "Cast"; });
      BOOST_TEST(casts == 1, "only what enters is rounded apart");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_a_normalisation_stores_in_f32_for_others_is_rounded_apart) {
  Network network;
  const auto y = network.add("MatMul", {network.input({31, 48}), network.constant({48, 67})});
  const auto normal = network.add("LayerNormalization",
                                  {y, network.constant({67}, 0.5F, 1.5F), network.constant({67})});
  network.output(network.add("MatMul", {normal, network.constant({67, 53})}));
  network.output(network.add("Exp", {normal}));
  check(network);
}

BOOST_AUTO_TEST_CASE(batch_norms_between_convolutions_run_in_bf16) {
  for (const std::int64_t channels : {24, 37}) {
    Network network;
    const auto conv = [&](graph::ValueId x, std::int64_t in, std::int64_t out) {
      return network.add("Conv", {x, network.constant({out, in, 3, 3}, -0.2F, 0.2F)},
                         attributes({{"pads", Integers(4, 1)}}));
    };
    const auto first = conv(network.input({1, 8, 21, 19}), 8, channels);
    const auto second = conv(first, channels, channels);
    const auto joined =
        network.add("Concat", {first, second}, attributes({{"axis", std::int64_t{1}}}));
    const auto normal = network.add(
        "BatchNormalization",
        {joined, network.constant({2 * channels}, 0.5F, 1.5F), network.constant({2 * channels}),
         network.constant({2 * channels}), network.constant({2 * channels}, 0.5F, 2.0F)});
    const auto kept = network.add("Relu", {normal});
    const auto plain = network.add(
        "BatchNormalization",
        {joined, network.constant({2 * channels}, 0.5F, 1.5F), network.constant({2 * channels}),
         network.constant({2 * channels}), network.constant({2 * channels}, 0.5F, 2.0F)});
    network.output(conv(network.add("Add", {kept, plain}), 2 * channels, 16));
    check(network);
    if (plan::has_bf16()) {
      for (const auto& step : network.steps) {
        BOOST_TEST(step.implementation != "kernel", step.node << " " << step.type);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_computed_in_bf16_is_computed_in_f32) {
  // A product and, behind it, rows longer than the kernel that rounds takes.
  Network network;
  const auto scores =
      network.add("MatMul", {network.input({3, 16}), network.constant({16, 5000}, -0.1F, 0.1F)});
  const auto weights = network.add("Softmax", {scores}, attributes({{"axis", std::int64_t{-1}}}));
  network.output(network.add("MatMul", {weights, network.constant({5000, 24})}));
  BOOST_TEST(error_of(network) < rounding);
}

BOOST_AUTO_TEST_CASE(angles_stay_exact) {
  Network network;
  const auto positions = network.input({512, 1}, 0, 1000);
  const auto angles = network.add("MatMul", {positions, network.constant({1, 128}, 0, 1)});
  network.output(network.add("Cos", {angles}));
  BOOST_TEST(error_of(network) < 1e-3);
}

BOOST_AUTO_TEST_CASE(a_product_too_small_to_gain_stays_exact) {
  Network network;
  const auto x = network.input({1, 300, 300});
  const auto small = network.add("MatMul", {network.input({4, 8}), network.constant({8, 5})});
  network.output(small);
  network.output(network.add("Relu", {x}));
  BOOST_TEST(error_of(network) < 1e-5);
}

BOOST_AUTO_TEST_SUITE_END()
