#include "kernels/isa.hpp"
#include "kernels/panel_conv.hpp"
#include "kernels/winograd.hpp"
#include "reference.hpp"

using namespace coinfer;
using namespace coinfer::reference;

namespace {

constexpr double tolerance = 1e-4;

std::vector<std::string> types_of(const Network& network) {
  std::vector<std::string> types;
  for (const auto& step : network.steps) {
    types.push_back(step.type);
  }
  return types;
}

graph::Attributes axis_1() {
  graph::Attributes attributes;
  attributes.set("axis", std::int64_t{1});
  return attributes;
}

bool contains(const Network& network, const std::string& type) {
  const auto types = types_of(network);
  return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_fusion)

BOOST_AUTO_TEST_CASE(batch_normalisation_and_channel_arithmetic_go_into_the_weights) {
  Network network;
  const auto x = network.input({1, 3, 8, 8});
  const auto y = network.add("Conv", {x, network.constant({6, 3, 3, 3})});
  const auto normal =
      network.add("BatchNormalization", {y, network.constant({6}), network.constant({6}),
                                         network.constant({6}), network.constant({6}, 0.5F, 1)});
  const auto scaled = network.add("Mul", {normal, network.constant({6, 1, 1})});
  network.output(network.add("Relu", {network.add("Add", {scaled, network.constant({6, 1, 1})})}));
  BOOST_TEST(network.error() < tolerance);
  BOOST_TEST(contains(network, "Conv+Relu"));
  BOOST_TEST(!contains(network, "BatchNormalization"));
}

BOOST_AUTO_TEST_CASE(a_normalisation_without_a_convolution_takes_the_arithmetic_behind_it) {
  Network network;
  const auto x = network.input({1, 6, 8, 8});
  const auto normal =
      network.add("BatchNormalization", {x, network.constant({6}), network.constant({6}),
                                         network.constant({6}), network.constant({6}, 0.5F, 1)});
  const auto scaled = network.add("Mul", {network.constant({6, 1, 1}), normal});
  network.output(network.add("Relu", {network.add("Add", {scaled, network.constant({6, 1, 1})})}));
  BOOST_TEST(network.error() < tolerance);
  BOOST_TEST(types_of(network) == std::vector<std::string>{"BatchNormalization+Relu"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(squeeze_and_excite_scales_the_channels_of_each_image) {
  for (const std::int64_t images : {1, 2}) {
    for (const bool factors_first : {false, true}) {
      Network network;
      const auto x = network.input({images, 3, 9, 7});
      const auto y = network.add("Conv", {x, network.constant({40, 3, 3, 3})});
      const auto mean = network.add("GlobalAveragePool", {y});
      const auto factors =
          network.add("Sigmoid", {network.add("Conv", {mean, network.constant({40, 40, 1, 1})})});
      const auto scaled =
          factors_first ? network.add("Mul", {factors, y}) : network.add("Mul", {y, factors});
      network.output(network.add("Conv", {scaled, network.constant({8, 40, 1, 1})}));
      BOOST_TEST(network.error() < tolerance);
      const auto by_channel = [](const auto& step) {
        return step.implementation == "channel_scale";
      };
      BOOST_TEST(std::count_if(network.steps.begin(), network.steps.end(), by_channel) == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(arithmetic_on_a_few_numbers_needs_no_primitive) {
  for (const std::int64_t columns : {1, 37, 4096, 4097}) {
    for (const char* type : {"Add", "Sub", "Mul", "Div", "Max", "Min"}) {
      Network network;
      // `again` is read twice. Ceil keeps nodes apart.
      const auto x = network.add("Ceil", {network.input({2, columns}, 0.5F, 2)});
      const auto again =
          network.add("Ceil", {network.add(type, {x, network.input({2, columns}, 0.5F, 2)})});
      const auto spread =
          network.add("Ceil", {network.add(type, {again, network.input({2, 1}, 0.5F, 2)})});
      network.output(network.add(type, {network.input({columns}, 0.5F, 2), spread}));
      network.output(network.add("Clip", {again, network.scalar(0.7F), network.scalar(1.5F)}));
      BOOST_TEST_CONTEXT(type << ", " << columns << " columns") {
        BOOST_TEST(network.error() < tolerance);
        const auto plain = [](const auto& step) { return step.implementation == "kernel"; };
        BOOST_TEST(std::all_of(network.steps.begin(), network.steps.end(), plain) ==
                   (columns <= 4096));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_residual_is_added_by_the_later_convolution) {
  Network network;
  const auto x = network.input({1, 8, 9, 9});
  const auto trunk = network.add("Conv", {x, network.constant({8, 8, 1, 1})});
  const auto branch =
      network.add("Conv", {network.add("Relu", {trunk}), network.constant({8, 8, 1, 1})});
  network.output(network.add("Relu", {network.add("Add", {trunk, branch})}));
  BOOST_TEST(network.error() < tolerance);
  BOOST_TEST(contains(network, "Conv+Add+Relu"));
}

BOOST_AUTO_TEST_CASE(a_residual_is_added_by_a_convolution_of_few_pixels) {
  for (const bool read_later : {false, true}) {
    Network network;
    const auto x = network.input({1, 256, 3, 5});
    const auto trunk = network.add("Conv", {x, network.constant({512, 256, 1, 1})});
    const auto branch =
        network.add("Conv", {network.add("Relu", {trunk}), network.constant({512, 512, 1, 1}),
                             network.constant({512})});
    const auto sum = network.add("Relu", {network.add("Add", {trunk, branch})});
    network.output(network.add("Conv", {sum, network.constant({64, 512, 3, 3})}));
    if (read_later) {
      network.output(network.add("Neg", {trunk}));
    }
    BOOST_TEST(network.error() < tolerance);
    BOOST_TEST(contains(network, "Conv+Add+Relu"));
  }
}

BOOST_AUTO_TEST_CASE(small_windows_are_filtered_with_bias_residual_and_activations) {
  for (const bool read_later : {false, true}) {
    Network network;
    const auto x = network.input({2, 20, 13, 11});
    const auto around = attributes({{"pads", Integers(4, 1)}});
    const auto trunk =
        network.add("Conv", {x, network.constant({40, 20, 3, 3}), network.constant({40})}, around);
    const auto branch = network.add("Relu", {trunk});
    const auto filtered = network.add("Conv", {branch, network.constant({40, 40, 3, 3})}, around);
    const auto sum = network.add("Relu", {network.add("Add", {trunk, filtered})});
    // Not padded, and an activation that the kernel leaves to a step of its own.
    const auto end = network.add("Conv", {sum, network.constant({70, 40, 3, 3})});
    network.output(network.add("HardSwish", {end}));
    if (read_later) {
      network.output(network.add("Neg", {trunk}));
    }
    BOOST_TEST(network.error() < tolerance);
    BOOST_TEST(contains(network, "Conv+Add+Relu"));
    const auto filters = std::count_if(network.steps.begin(), network.steps.end(), [](auto& step) {
      return step.implementation == "winograd";
    });
    BOOST_TEST(filters == (kernels::has_winograd() ? 3 : 0));
  }
}

BOOST_AUTO_TEST_CASE(windows_of_a_line_are_filtered) {
  // The image's extents but channels, the window, and its padding.
  struct Case {
    Shape image, window;
    Integers pads;
    bool filtered;
  };
  for (const auto& one :
       {Case{{200}, {5}, {2, 2}, true}, Case{{131}, {5}, {0, 4}, true},
        Case{{201, 1}, {5, 1}, {2, 0, 2, 0}, true}, Case{{6, 40}, {1, 5}, {0, 0, 0, 0}, true},
        // Not the one column that there is, rows beside the image, a saving that padding eats up.
        Case{{201, 2}, {5, 1}, {2, 0, 2, 0}, false}, Case{{40, 6}, {1, 5}, {1, 2, 1, 2}, false},
        Case{{1, 200}, {5, 1}, {2, 0, 2, 0}, false}, Case{{50, 2}, {1, 5}, {0, 2, 0, 2}, false},
        Case{{200}, {4}, {0, 0}, false}, Case{{200}, {7}, {3, 3}, false}}) {
    Network network;
    auto around = attributes({{"pads", one.pads}});
    Shape image{2, 64};
    image.insert(image.end(), one.image.begin(), one.image.end());
    Shape weights{70, 64};
    weights.insert(weights.end(), one.window.begin(), one.window.end());
    Shape per_channel{70, 1};
    per_channel.resize(one.image.size() + 1, 1);
    const auto y = network.add("Conv", {network.input(image), network.constant(weights)}, around);
    // A bias by name only, and an activation that is a step of its own.
    const auto sum = network.add("Add", {network.constant(per_channel), y});
    network.output(network.add("HardSwish", {sum}));
    BOOST_TEST_CONTEXT("image " << one.image.to_string() << ", window " << one.window.to_string()) {
      BOOST_TEST(network.error() < tolerance);
      const auto filters = [](const auto& step) { return step.implementation == "winograd"; };
      const bool filtered = one.filtered && kernels::has_winograd();
      BOOST_TEST(std::any_of(network.steps.begin(), network.steps.end(), filters) == filtered);
      // As it stands in the file what is added is no bias yet: of one dimension it is the node's
      // own all the same, and only the activation is left to another step.
      BOOST_TEST(network.error_of(network.graph) < tolerance);
      const auto left = std::count_if(network.steps.begin(), network.steps.end(), [&](auto& step) {
        return step.implementation != "copy" && !filters(step);
      });
      BOOST_TEST((!filtered || one.image.size() != 1 || left == 1));
    }
  }
}

BOOST_AUTO_TEST_CASE(lines_of_three_are_filtered_with_wide_vectors) {
  Network network;
  const auto x = network.input({1, 64, 150});
  const auto around = attributes({{"pads", Integers{1, 1}}});
  const auto y =
      network.add("Conv", {x, network.constant({64, 64, 3}), network.constant({64})}, around);
  network.output(network.add("Relu", {network.add("Add", {y, x})}));
  BOOST_TEST(network.error() < tolerance);
  const auto filters = [](const auto& step) { return step.implementation == "winograd"; };
  BOOST_TEST(std::any_of(network.steps.begin(), network.steps.end(), filters) ==
             (kernels::isa() == kernels::Isa::avx512));
}

BOOST_AUTO_TEST_CASE(products_of_few_rows_do_their_gelu) {
  Network network;
  const auto x = network.input({1, 9, 384});
  const auto y = network.add("MatMul", {x, network.constant({384, 512}, -0.1F, 0.1F)});
  network.output(network.add("Gelu", {network.add("Add", {y, network.constant({512})})}));
  BOOST_TEST(network.error() < tolerance);
  BOOST_TEST(types_of(network) == std::vector<std::string>{"MatMul+Add+Gelu"},
             boost::test_tools::per_element());
  BOOST_TEST(network.steps[0].implementation ==
             (kernels::has_panel_conv() ? "panels" : network.steps[0].implementation));
}

BOOST_AUTO_TEST_CASE(a_residual_that_is_read_later_too_keeps_its_value) {
  Network network;
  const auto x = network.input({1, 8, 9, 9});
  const auto trunk = network.add("Conv", {x, network.constant({8, 8, 1, 1})});
  const auto branch = network.add("Conv", {x, network.constant({8, 8, 1, 1})});
  const auto sum = network.add("Add", {trunk, branch});
  network.output(network.add("Conv", {trunk, network.constant({8, 8, 1, 1})}));
  network.output(sum);
  BOOST_TEST(network.error() < tolerance);
}

BOOST_AUTO_TEST_CASE(an_erf_gelu_is_one_post_op_however_it_is_written) {
  for (const int form : {0, 1, 2}) {
    Network network;
    const auto x = network.add(
        "Add", {network.add("MatMul", {network.input({2, 5, 16}), network.constant({16, 24})}),
                network.constant({24})});
    const auto erf = network.add("Erf", {network.add("Div", {x, network.scalar(1.41421356F)})});
    const auto one_plus = network.add("Add", {erf, network.scalar(1)});
    const auto half = network.scalar(0.5F);
    network.output(form == 0   ? network.add("Mul", {network.add("Mul", {x, one_plus}), half})
                   : form == 1 ? network.add("Mul", {network.add("Mul", {x, half}), one_plus})
                               : network.add("Mul", {x, network.add("Mul", {one_plus, half})}));
    BOOST_TEST(network.error() < tolerance);
    BOOST_TEST(contains(network, "MatMul+Add+Gelu"), form);
  }
}

BOOST_AUTO_TEST_CASE(a_gelu_by_tanh_is_one_post_op_however_its_cube_is_written) {
  for (const bool power : {false, true}) {
    Network network;
    const auto x = network.add(
        "Add", {network.add("MatMul", {network.input({2, 5, 16}), network.constant({16, 24})}),
                network.constant({24})});
    const auto c = network.scalar(0.044715F);
    const auto cube =
        power ? network.add("Mul", {network.add("Pow", {x, network.scalar(3)}), c})
              : network.add("Mul", {x, network.add("Mul", {x, network.add("Mul", {c, x})})});
    const auto inner =
        network.add("Mul", {network.scalar(0.79788456F), network.add("Add", {x, cube})});
    const auto one_plus = network.add("Add", {network.scalar(1), network.add("Tanh", {inner})});
    network.output(network.add("Mul", {x, network.add("Mul", {network.scalar(0.5F), one_plus})}));
    BOOST_TEST(network.error() < tolerance);
    BOOST_TEST(contains(network, "MatMul+Add+Gelu"), power);
  }
}

BOOST_AUTO_TEST_CASE(written_out_layer_normalisation_and_swish_are_recognised) {
  Network network;
  const auto x = network.input({2, 5, 16});
  const auto axes = attributes({{"axes", Integers{-1}}});
  const auto centred = network.add("Sub", {x, network.add("ReduceMean", {x}, axes, 13)});
  const auto variance =
      network.add("ReduceMean", {network.add("Pow", {centred, network.scalar(2)})}, axes, 13);
  const auto root = network.add("Sqrt", {network.add("Add", {variance, network.scalar(1e-5F)})});
  const auto normal = network.add("Div", {centred, root});
  network.output(network.add(
      "Add", {network.add("Mul", {normal, network.constant({16})}), network.constant({16})}));
  network.output(network.add("Mul", {x, network.add("Sigmoid", {x})}));
  BOOST_TEST(network.error() < tolerance);
  BOOST_TEST(network.steps.size() == 2U);
  BOOST_TEST(contains(network, "LayerNormalization"));
  BOOST_TEST(contains(network, "Swish"));
}

BOOST_AUTO_TEST_CASE(shape_arithmetic_leaves_no_step) {
  Network network;
  const auto x = network.input({2, 3, 4});
  const auto shape = network.add("Shape", {x});
  const auto first = network.add("Gather", {shape, network.integers({0})});
  const auto target = network.add("Concat", {first, network.integers({-1})},
                                  attributes({{"axis", std::int64_t{0}}}));
  network.output(network.add("Relu", {network.add("Reshape", {x, target})}));
  BOOST_TEST(network.error_of(network.graph) < tolerance);
  BOOST_TEST(types_of(network) == std::vector<std::string>{"Relu"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_convolution_adds_up_what_would_be_joined_for_it) {
  Network network;
  const auto x = network.input({1, 24, 23, 29});
  const auto a = network.add("Conv", {x, network.constant({17, 24, 1, 1})});
  const auto b = network.add("Relu", {network.add("Conv", {x, network.constant({31, 24, 1, 1})})});
  const auto joined = network.add("Concat", {a, b}, axis_1());
  const auto y =
      network.add("Conv", {joined, network.constant({9, 48, 3, 3}), network.constant({9})});
  network.output(network.add("Relu", {y}));
  BOOST_TEST(network.error() < tolerance);
  BOOST_TEST(!contains(network, "Concat"));
  BOOST_TEST(contains(network, "Conv+Add+Relu"));
}

BOOST_AUTO_TEST_CASE(channels_that_others_read_too_are_joined) {
  Network network;
  const auto x = network.input({1, 24, 23, 29});
  const auto a = network.add("Conv", {x, network.constant({24, 24, 1, 1})});
  const auto joined = network.add("Concat", {a, x}, axis_1());
  network.output(network.add("Conv", {joined, network.constant({9, 48, 1, 1})}));
  network.output(network.add("Relu", {joined}));
  BOOST_TEST(network.error() < tolerance);
  BOOST_TEST(contains(network, "Concat"));
}

BOOST_AUTO_TEST_CASE(channels_are_joined_after_a_pooling) {
  for (const char* pool : {"MaxPool", "AveragePool"}) {
    Network network;
    const auto x = network.input({1, 24, 23, 29});
    const auto a = network.add("Conv", {x, network.constant({10, 24, 1, 1})});
    const auto joined = network.add("Concat", {a, x}, axis_1());
    graph::Attributes window;
    window.set("kernel_shape", std::vector<std::int64_t>{3, 3});
    window.set("strides", std::vector<std::int64_t>{2, 2});
    const auto pooled = network.add(pool, {joined}, window);
    network.output(network.add("Relu", {pooled}));
    BOOST_TEST(network.error() < tolerance);
    const auto types = types_of(network);
    BOOST_TEST(std::count(types.begin(), types.end(), pool) == 2);
    BOOST_TEST(std::count(types.begin(), types.end(), "Concat") == 1);
  }
}

BOOST_AUTO_TEST_CASE(attention_of_f32_is_one_step_with_its_scale_and_mask) {
  const int joined = kernels::isa() == kernels::Isa::avx512 ? 1 : 0;
  // Rows, keys, the extents before them of k and of the mask.
  struct Case {
    std::int64_t rows, keys;
    bool shared_keys, masked;
  };
  for (const auto& one : {Case{6, 6, false, false}, Case{23, 31, false, true},
                          Case{130, 65, true, true}, Case{16, 300, true, false}}) {
    Network network;
    const auto heads = one.shared_keys ? std::int64_t{1} : std::int64_t{3};
    const auto q = network.input({2, 3, one.rows, 40});
    const auto k = network.input({2, heads, 40, one.keys});
    const auto v = network.input({2, 3, one.keys, 24});
    auto scores = network.add("Mul", {network.add("MatMul", {q, k}), network.scalar(0.15F)});
    if (one.masked) {
      scores = network.add("Add", {scores, network.input({2, 1, 1, one.keys}, -9, 0)});
    }
    const auto weights = network.add("Softmax", {scores}, attributes({{"axis", std::int64_t{-1}}}));
    const auto mixed = network.add("MatMul", {weights, v});
    const auto rows =
        network.add("Transpose", {mixed}, attributes({{"perm", Integers{0, 2, 1, 3}}}));
    network.output(network.add("Reshape", {rows, network.integers({2, one.rows, 72})}));
    BOOST_TEST_CONTEXT(one.rows << " rows, " << one.keys << " keys") {
      BOOST_TEST(network.error() < tolerance);
      const auto types = types_of(network);
      BOOST_TEST(std::count(types.begin(), types.end(), "Attention") == joined);
    }
  }
}

BOOST_AUTO_TEST_CASE(attention_of_f32_stays_apart_where_more_is_read_or_it_is_too_large) {
  const auto attention = [](Network& network, std::int64_t rows, std::int64_t keys,
                            std::int64_t depth) {
    const auto scores =
        network.add("MatMul", {network.input({2, rows, depth}), network.input({2, depth, keys})});
    const auto weights = network.add("Softmax", {scores}, attributes({{"axis", std::int64_t{-1}}}));
    network.output(network.add("MatMul", {weights, network.input({2, keys, depth})}));
    return std::pair{scores, weights};
  };
  const auto joined = [](Network& network) {
    BOOST_TEST(network.error() < tolerance);
    return contains(network, "Attention");
  };
  {
    Network network;
    network.output(attention(network, 20, 20, 16).first);
    BOOST_TEST(!joined(network), "the scores leave");
  }
  {
    Network network;
    network.output(attention(network, 20, 20, 16).second);
    BOOST_TEST(!joined(network), "the weights leave");
  }
  {
    Network network;
    attention(network, 1, 40, 16);
    BOOST_TEST(!joined(network), "a single query");
  }
  {
    Network network;
    attention(network, 20, 20, 300);
    BOOST_TEST(!joined(network), "too many columns");
  }
}

BOOST_AUTO_TEST_SUITE_END()
