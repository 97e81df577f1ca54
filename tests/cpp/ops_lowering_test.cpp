#include "coinfer/error.hpp"
#include "reference.hpp"

using namespace coinfer;
using namespace coinfer::reference;

namespace {
constexpr double tolerance = 1e-4;
}

BOOST_AUTO_TEST_SUITE(ops_lowering)

BOOST_AUTO_TEST_CASE(convolutions_of_all_kinds_agree_with_the_plain_kernel) {
  struct Case {
    Shape input, weights;
    graph::Attributes attributes;
  };
  const Case cases[] = {
      {{1, 3, 23, 19},
       {16, 3, 7, 7},
       attributes({{"strides", Integers{2, 2}}, {"pads", Integers{3, 3, 3, 3}}})},
      {{2, 5, 9, 7}, {13, 5, 3, 3}, attributes({{"pads", Integers{1, 0, 2, 1}}})},
      {{1, 17, 6, 5}, {33, 17, 1, 1}, {}},
      {{1, 12, 8, 8},
       {12, 1, 3, 3},
       attributes({{"group", std::int64_t{12}}, {"pads", Integers{1, 1, 1, 1}}})},
      {{1, 12, 8, 8},
       {24, 4, 3, 3},
       attributes({{"group", std::int64_t{3}},
                   {"auto_pad", std::string{"SAME_UPPER"}},
                   {"strides", Integers{2, 3}}})},
      {{1, 4, 11, 11}, {8, 4, 3, 3}, attributes({{"dilations", Integers{2, 2}}})},
      {{3, 7, 31}, {5, 7, 4}, attributes({{"strides", Integers{3}}})},
      // Few pixels, many weights.
      {{1, 256, 5, 7}, {512, 256, 1, 1}, {}},
      {{2, 70, 6, 5},
       {256, 70, 3, 3},
       attributes({{"strides", Integers{2, 1}}, {"pads", Integers{1, 0, 1, 2}}})},
      {{2, 128, 9}, {384, 128, 3}, attributes({{"auto_pad", std::string{"SAME_LOWER"}}})},
      {{1, 2, 5, 6, 7}, {3, 2, 2, 3, 3}, attributes({{"auto_pad", std::string{"SAME_LOWER"}}})},
  };
  for (const auto& one : cases) {
    Network network;
    const auto x = network.input(one.input);
    const auto w = network.constant(one.weights);
    const auto b = network.constant({one.weights[0]});
    const auto y = network.add("Conv", {x, w, b}, one.attributes);
    network.output(network.add("Relu", {y}));
    network.output(y);
    BOOST_TEST(network.error() < tolerance, one.input.to_string());
  }
}

BOOST_AUTO_TEST_CASE(pools_agree_with_the_plain_kernel) {
  for (const char* type : {"MaxPool", "AveragePool"}) {
    const graph::Attributes cases[] = {
        attributes({{"kernel_shape", Integers{3, 3}},
                    {"strides", Integers{2, 2}},
                    {"pads", Integers{1, 1, 1, 1}}}),
        attributes({{"kernel_shape", Integers{3, 2}},
                    {"strides", Integers{2, 2}},
                    {"ceil_mode", std::int64_t{1}}}),
        attributes({{"kernel_shape", Integers{3, 3}},
                    {"pads", Integers{1, 1, 1, 1}},
                    {"count_include_pad", std::int64_t{1}}}),
        attributes({{"kernel_shape", Integers{2, 3}},
                    {"auto_pad", std::string{"SAME_UPPER"}},
                    {"strides", Integers{2, 2}}}),
    };
    for (const auto& one : cases) {
      Network network;
      network.output(network.add(type, {network.input({2, 7, 10, 11})}, one));
      BOOST_TEST(network.error() < tolerance, type);
    }
  }
  for (const char* type : {"GlobalMaxPool", "GlobalAveragePool"}) {
    Network network;
    network.output(network.add(type, {network.input({2, 7, 5, 6})}));
    BOOST_TEST(network.error() < tolerance, type);
  }
}

BOOST_AUTO_TEST_CASE(products_of_matrices_agree_with_the_plain_kernel) {
  const std::pair<Shape, Shape> cases[] = {{{5, 7}, {7, 9}},
                                           {{3, 5, 7}, {7, 9}},
                                           {{2, 3, 5, 7}, {2, 3, 7, 4}},
                                           {{2, 1, 5, 7}, {3, 7, 4}},
                                           {{7}, {7, 9}},
                                           {{5, 7}, {7}},
                                           {{7}, {7}},
                                           {{4, 5, 7}, {7}},
                                           {{7}, {3, 7, 2}},
                                           {{1, 1}, {1, 1}},
                                           {{5, 0}, {0, 4}},
                                           {{3, 7}, {2, 7, 5}}};
  for (const auto& [a, b] : cases) {
    for (const bool constant : {false, true}) {
      Network network;
      const auto x = network.input(a);
      const auto y = constant ? network.constant(b) : network.input(b);
      network.output(network.add("MatMul", {x, y}));
      BOOST_TEST(network.error() < tolerance, a.to_string() << " x " << b.to_string());
    }
  }
}

BOOST_AUTO_TEST_CASE(products_of_few_rows_with_many_weights_agree_with_the_plain_kernel) {
  for (const std::int64_t k : {384, 395}) {
    for (const bool relu : {false, true}) {
      Network network;
      const auto x = network.input({2, 7, k});
      const auto residual = network.add("Sin", {network.input({2, 7, 400})});
      const auto y = network.add(
          "Add", {network.add("MatMul", {x, network.constant({k, 400})}), network.constant({400})});
      const auto sum = network.add("Add", {y, residual});
      network.output(relu ? network.add("Relu", {sum}) : sum);
      network.output(network.add(
          "Gemm", {network.input({9, k}), network.constant({400, k}), network.constant({400})},
          attributes({{"transB", std::int64_t{1}}})));
      BOOST_TEST(network.error() < tolerance);
    }
  }
}

BOOST_AUTO_TEST_CASE(gemm_agrees_with_the_plain_kernel) {
  for (const std::int64_t transpose_a : {0, 1}) {
    for (const std::int64_t transpose_b : {0, 1}) {
      for (const float alpha : {1.0F, 0.5F}) {
        for (const Shape& c : {Shape{9}, Shape{1, 9}, Shape{5, 1}, Shape{5, 9}, Shape{}}) {
          Network network;
          const auto x = network.input(transpose_a != 0 ? Shape{7, 5} : Shape{5, 7});
          const auto w = network.constant(transpose_b != 0 ? Shape{9, 7} : Shape{7, 9});
          network.output(network.add(
              "Gemm", {x, w, network.constant(c)},
              attributes({{"transA", transpose_a}, {"transB", transpose_b}, {"alpha", alpha}})));
          BOOST_TEST(network.error() < tolerance, c.to_string());
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(binary_operations_broadcast_like_the_plain_kernel) {
  const std::pair<Shape, Shape> cases[] = {{{2, 3, 4, 5}, {2, 3, 4, 5}},
                                           {{2, 3, 4, 5}, {3, 1, 1}},
                                           {{2, 3, 4, 5}, {5}},
                                           {{3, 1, 1}, {2, 3, 4, 5}},
                                           {{2, 1, 4, 1}, {1, 3, 1, 5}},
                                           {{}, {3, 4}},
                                           {{4, 1}, {1, 5}},
                                           {{7}, {1}},
                                           {{}, {}},
                                           {{2, 3, 4, 5}, {2, 3, 1, 1}},
                                           {{2, 3, 4, 5}, {1, 1, 4, 5}}};
  for (const char* type : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) {
    for (const auto& [a, b] : cases) {
      Network network;
      const auto x = network.input(a);
      const auto y = network.input(b, 1, 2);
      network.output(network.add(type, {x, y}));
      BOOST_TEST(network.error() < tolerance, type << " " << a.to_string() << b.to_string());
    }
  }
}

BOOST_AUTO_TEST_CASE(functions_agree_with_the_plain_kernel) {
  for (const char* type :
       {"Relu", "Sigmoid", "Tanh", "Exp", "Sqrt", "Log", "Abs", "Neg", "Reciprocal", "Gelu",
        "HardSigmoid", "HardSwish", "LeakyRelu", "Elu", "Erf", "Softplus", "Mish"}) {
    Network network;
    const auto positive = std::string_view{type} == "Sqrt" || std::string_view{type} == "Log" ||
                          std::string_view{type} == "Reciprocal";
    network.output(network.add(type, {network.input({3, 37}, positive ? 0.1F : -4.0F, 4)}));
    BOOST_TEST(network.error() < tolerance, type);
  }
  Network network;
  network.output(
      network.add("Clip", {network.input({3, 37}), network.scalar(-0.25F), network.scalar(0.5F)}));
  BOOST_TEST(network.error() < tolerance, "Clip");
}

BOOST_AUTO_TEST_CASE(normalisations_agree_with_the_plain_kernel) {
  {
    Network network;
    const auto x = network.input({2, 7, 5, 3});
    const auto y =
        network.add("BatchNormalization", {x, network.constant({7}), network.constant({7}),
                                           network.constant({7}), network.constant({7}, 0.5F, 1)});
    network.output(network.add("Relu", {y}));
    BOOST_TEST(network.error() < tolerance);
  }
  {
    Network network;
    const auto x = network.input({2, 5, 33});
    network.output(
        network.add("LayerNormalization", {x, network.constant({33}), network.constant({33})}));
    network.output(network.add("LayerNormalization", {x, network.constant({5, 33})},
                               attributes({{"axis", std::int64_t{1}}})));
    BOOST_TEST(network.error() < tolerance);
  }
  {
    Network network;
    network.output(network.add("LRN", {network.input({2, 17, 5, 3})},
                               attributes({{"size", std::int64_t{5}}, {"alpha", 0.3F}})));
    BOOST_TEST(network.error() < tolerance);
  }
  for (const char* type : {"Softmax", "LogSoftmax"}) {
    for (const int opset : {11, 13}) {
      for (const std::int64_t axis : {1, 2, -1}) {
        Network network;
        network.output(network.add(type, {network.input({2, 7, 5, 3}, -5, 5)},
                                   attributes({{"axis", axis}}), opset));
        BOOST_TEST(network.error() < tolerance, type << opset << axis);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_small_image_network_agrees_with_the_plain_kernels) {
  Network network;
  const auto x = network.input({1, 3, 17, 17});
  const auto a = network.add(
      "Relu", {network.add("Conv", {x, network.constant({8, 3, 3, 3}), network.constant({8})})});
  const auto b = network.add("Conv", {a, network.constant({8, 8, 1, 1})});
  const auto c = network.add("Conv", {a, network.constant({8, 8, 3, 3})},
                             attributes({{"pads", Integers{1, 1, 1, 1}}}));
  const auto sum = network.add("Relu", {network.add("Add", {b, c})});
  const auto both = network.add("Concat", {sum, a, b}, attributes({{"axis", std::int64_t{1}}}));
  const auto split = network.add("Reshape", {both, network.integers({0, 4, 6, 15, 15})});
  const auto turned =
      network.add("Transpose", {split}, attributes({{"perm", Integers{0, 2, 1, 3, 4}}}));
  const auto shuffled = network.add("Reshape", {turned, network.integers({0, 24, 15, 15})});
  const auto pooled =
      network.add("MaxPool", {shuffled},
                  attributes({{"kernel_shape", Integers{2, 2}}, {"strides", Integers{2, 2}}}));
  const auto flat = network.add("Flatten", {pooled});
  const auto last =
      network.add("Gemm", {flat, network.constant({24 * 49, 10}), network.constant({10})});
  network.output(network.add("Softmax", {last}));
  network.output(shuffled);
  BOOST_TEST(network.error() < tolerance);
}

BOOST_AUTO_TEST_CASE(attention_agrees_with_the_plain_kernels) {
  Network network;
  const auto x = network.input({2, 6, 24});
  const auto mask = network.input({2, 1, 1, 6}, -3, 0);
  const auto head = [&](std::vector<std::int64_t> order) {
    const auto product = network.add("MatMul", {x, network.constant({24, 24})});
    const auto biased = network.add("Add", {network.constant({24}), product});
    const auto heads = network.add("Reshape", {biased, network.integers({2, 6, 3, 8})});
    return network.add("Transpose", {heads}, attributes({{"perm", std::move(order)}}));
  };
  const auto q = head({0, 2, 1, 3});
  const auto k = head({0, 2, 3, 1});
  const auto v = head({0, 2, 1, 3});
  const auto scores = network.add(
      "Add", {network.add("Div", {network.add("MatMul", {q, k}), network.scalar(2.8F)}), mask});
  const auto mixed = network.add("MatMul", {network.add("Softmax", {scores}), v});
  const auto joined = network.add(
      "Reshape", {network.add("Transpose", {mixed}, attributes({{"perm", Integers{0, 2, 1, 3}}})),
                  network.integers({2, 6, 24})});
  const auto projected = network.add("MatMul", {joined, network.constant({24, 24})});
  network.output(network.add(
      "LayerNormalization",
      {network.add("Add", {projected, x}), network.constant({24}), network.constant({24})}));
  BOOST_TEST(network.error() < tolerance);
}

BOOST_AUTO_TEST_CASE(a_transposed_convolution_to_few_channels_is_one_to_all_places) {
  struct Case {
    std::int64_t in, out, height, width, kernel, stride, pad, more;
  };
  for (const auto& [in, out, height, width, kernel, stride, pad, more] :
       {Case{8, 4, 7, 9, 4, 2, 1, 0}, Case{5, 1, 6, 5, 2, 2, 0, 0}, Case{3, 7, 5, 6, 3, 2, 1, 1},
        Case{6, 3, 4, 5, 5, 3, 1, 0}, Case{4, 2, 5, 4, 6, 2, 2, 0}, Case{4, 2, 5, 4, 6, 4, 1, 0},
        Case{2, 5, 3, 3, 2, 4, 0, 2}, Case{6, 24, 5, 4, 2, 2, 0, 0},
        Case{5, 40, 3, 4, 3, 3, 0, 0}}) {
    for (const bool bias : {true, false}) {
      Network network;
      std::vector<graph::ValueId> inputs{network.input({2, in, height, width}),
                                         network.constant({in, out, kernel, kernel})};
      if (bias) {
        inputs.push_back(network.constant({out}));
      }
      network.output(network.add("ConvTranspose", inputs,
                                 attributes({{"strides", Integers(2, stride)},
                                             {"pads", Integers(4, pad)},
                                             {"output_padding", Integers(2, more)}})));
      BOOST_TEST_CONTEXT("kernel " << kernel << ", stride " << stride << ", pad " << pad) {
        BOOST_TEST(network.error() < 1e-5);
        BOOST_TEST(std::none_of(network.steps.begin(), network.steps.end(),
                                [](const auto& step) { return step.type == "ConvTranspose"; }));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_follows_a_transposed_convolution_is_done_before_its_pixels_move) {
  for (const bool shared : {false, true}) {
    for (const char* const activation : {"Relu", "Sigmoid", "HardSwish"}) {
      Network network;
      const auto x = network.input({2, 6, 5, 4});
      const auto y =
          network.add("ConvTranspose", {x, network.constant({6, 20, 2, 2}), network.constant({20})},
                      attributes({{"strides", Integers(2, 2)}}));
      network.output(network.add(activation, {y}));
      if (shared) {
        network.output(network.add("Neg", {y}));
      }
      BOOST_TEST_CONTEXT(activation << (shared ? ", result read twice" : "")) {
        BOOST_TEST(network.error() < 1e-5);
        const bool fused = std::any_of(
            network.steps.begin(), network.steps.end(),
            [&](const auto& step) { return step.type == std::string{"Conv+"} + activation; });
        BOOST_TEST(fused != shared);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
