#include <boost/test/unit_test.hpp>
#include <dnnl.hpp>

#include "reference.hpp"
#include "worse.hpp"

using namespace coinfer;
using reference::attributes;
using reference::Integers;
using reference::Network;

namespace {

/// The machine multiplies 8-bit numbers exactly; others compute in f32, with the same results.
bool has_int8_products() {
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto has = [&](dnnl::cpu_isa wanted) {
    return (isa & static_cast<unsigned>(wanted)) == static_cast<unsigned>(wanted);
  };
  return has(dnnl::cpu_isa::avx512_core_vnni) || has(dnnl::cpu_isa::avx2_vnni);
}

/// An 8-bit scale of a tensor.
struct Scale {
  float scale;
  int zero;
  bool is_signed;
};

class Quantised : public Network {
 public:
  graph::ValueId quantise(graph::ValueId x, const Scale& to) {
    return add("QuantizeLinear", {x, scalar(to.scale), zero(to)});
  }
  graph::ValueId dequantise(graph::ValueId x, const Scale& from) {
    return add("DequantizeLinear", {x, scalar(from.scale), zero(from)});
  }
  /// To 8 bits and back, as quantised networks have it between operators.
  graph::ValueId round(graph::ValueId x, const Scale& scale) {
    return dequantise(quantise(x, scale), scale);
  }
  /// i8 weights with one scale, or one a channel of `axis`.
  graph::ValueId weights(const Shape& shape, std::int64_t axis, bool per_channel) {
    Tensor values{ElementType::i8, shape};
    std::uniform_int_distribution<int> distribution{-127, 127};
    std::generate_n(values.data<std::int8_t>(), values.size(),
                    [&] { return static_cast<std::int8_t>(distribution(random_)); });
    const auto channels = per_channel ? shape[static_cast<std::size_t>(axis)] : 1;
    const auto scale = per_channel ? constant({channels}, 0.001F, 0.003F) : scalar(0.002F);
    return add("DequantizeLinear", {graph.add_constant(values), scale},
               attributes({{"axis", axis}}));
  }

  /// All outputs are at most one `step` away from what the plain kernels say.
  void check(double step, int threads = 2) {
    auto optimised = graph;
    passes::optimise(optimised);
    const auto plan = build(optimised, threads);
    steps.assign(plan->step_infos().begin(), plan->step_infos().end());
    const auto got = run(plan);
    const auto wanted = expected();
    BOOST_REQUIRE_EQUAL(got.size(), wanted.size());
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      BOOST_REQUIRE(got[k].shape() == wanted[k].shape());
      double worst = 0;
      double greatest = 0;
      for (std::int64_t i = 0; i < wanted[k].size(); ++i) {
        const double value = wanted[k].data<float>()[i];
        worst = reference::worse(worst, std::abs(got[k].data<float>()[i] - value));
        greatest = std::max(greatest, std::abs(value));
      }
      BOOST_TEST(worst <= step * 1.01);
      BOOST_TEST(greatest > 8 * step, "the results say nothing");
    }
  }
  /// So many steps are of an operator whose name begins like this.
  std::ptrdiff_t count(std::string_view type) const {
    return std::count_if(steps.begin(), steps.end(), [&](const auto& step) {
      return step.type.starts_with(type) && step.implementation != "copy";
    });
  }

 private:
  graph::ValueId zero(const Scale& scale) {
    return scale.is_signed
               ? graph.add_constant(Tensor::scalar(static_cast<std::int8_t>(scale.zero)))
               : graph.add_constant(Tensor::scalar(static_cast<std::uint8_t>(scale.zero)));
  }
  std::mt19937 random_{11};
};

constexpr Scale scales[] = {{2.0F / 255, 128, false},
                            {2.0F / 255, 117, false},
                            {1.0F / 255, 0, false},
                            {1.0F / 127, 0, true},
                            {1.0F / 127, -9, true}};

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_quantization)

BOOST_AUTO_TEST_CASE(convolutions_of_ragged_shapes_run_in_8_bits) {
  struct Case {
    std::int64_t batch, in, out, height, width, kernel, stride, group;
  };
  bool per_channel = false;
  for (const auto& [batch, in, out, height, width, kernel, stride, group] :
       {Case{1, 3, 17, 21, 19, 7, 2, 1}, Case{2, 33, 19, 13, 7, 1, 1, 1},
        Case{1, 32, 64, 9, 11, 3, 1, 2}, Case{1, 24, 24, 9, 8, 3, 1, 24},
        Case{1, 64, 128, 7, 7, 3, 2, 1}}) {
    for (const auto& scale : scales) {
      per_channel = !per_channel;
      Quantised network;
      const auto x = network.round(network.input({batch, in, height, width}), scale);
      const auto w = network.weights({out, in / group, kernel, kernel}, 0, per_channel);
      const auto b = network.constant({out});
      const auto y = network.add("Conv", {x, w, b},
                                 attributes({{"pads", Integers(4, kernel / 2)},
                                             {"strides", Integers(2, stride)},
                                             {"group", group}}));
      const Scale result{0.02F, scale.is_signed ? 5 : 100, scale.is_signed};
      network.output(network.round(y, result));
      network.check(static_cast<double>(result.scale));
      if (has_int8_products()) {
        BOOST_TEST(network.count("QuantizedConv") == 1);
        BOOST_TEST(network.count("QuantizeLinear") == 1);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_relu_ends_at_zero_before_it_is_rounded) {
  Quantised network;
  const auto x = network.round(network.input({1, 16, 9, 9}), scales[0]);
  const auto y = network.add("Conv", {x, network.weights({32, 16, 1, 1}, 0, true)});
  const Scale result{0.01F, 20, false};
  network.output(network.round(network.add("Relu", {y}), result));
  network.check(0.01);
  if (has_int8_products()) {
    BOOST_TEST(network.count("QuantizedConv+Relu") == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_result_that_f32_work_follows_is_f32) {
  Quantised network;
  const auto x = network.round(network.input({1, 16, 9, 9}), scales[1]);
  const auto y = network.add("Conv", {x, network.weights({32, 16, 3, 3}, 0, true)});
  network.output(network.add("Add", {y, network.input({1, 32, 7, 7})}));
  network.output(y);
  network.check(1e-4);
}

BOOST_AUTO_TEST_CASE(residual_sums_and_poolings_stay_in_8_bits) {
  for (const bool relu : {false, true}) {
    // Where the bounds of 8 bits cut what the convolutions make, as a Relu would, that is kept.
    for (const bool cut : {false, true}) {
      for (const bool read_again : {false, true}) {
        Quantised network;
        const Scale first{0.012F, cut ? 0 : 90, false};
        const Scale second{0.017F, cut ? 127 : 3, true};
        const Scale result{0.02F, relu ? 0 : 120, false};
        const auto x = network.round(network.input({2, 24, 13, 11}), scales[0]);
        const auto y = network.round(
            network.add("Conv", {x, network.weights({40, 24, 1, 1}, 0, true)}), first);
        const auto z = network.round(
            network.add("Conv", {x, network.weights({40, 24, 1, 1}, 0, false)}), second);
        auto sum = network.add("Add", {y, z});
        sum = relu ? network.add("Relu", {sum}) : sum;
        sum = network.round(sum, result);
        const auto pooled = network.add("MaxPool", {sum},
                                        attributes({{"kernel_shape", Integers{3, 3}},
                                                    {"strides", Integers{2, 2}},
                                                    {"pads", Integers(4, 1)}}));
        network.output(network.round(pooled, result));
        if (read_again) {
          network.output(network.add("Neg", {y}));
        }
        // A step more or less of each operand, and of the sum.
        network.check(0.012 + 0.017 + 0.02);
        if (has_int8_products()) {
          BOOST_TEST(network.count("QuantizedAdd") == (cut ? 1 : 0));
          BOOST_TEST(network.count("DequantizeLinear") == (read_again ? 2 : 1));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(products_of_ragged_matrices_run_in_8_bits) {
  bool per_channel = false;
  for (const std::int64_t k : {5, 37, 96, 384}) {
    for (const auto& scale : scales) {
      per_channel = !per_channel;
      Quantised network;
      const auto x = network.round(network.input({3, 29, k}), scale);
      const auto y = network.add("MatMul", {x, network.weights({k, 67}, 1, per_channel)});
      const auto z = network.add("Gelu", {network.add("Add", {network.constant({67}), y})});
      const Scale result{0.015F, scale.is_signed ? -100 : 12, scale.is_signed};
      network.output(network.round(z, result));
      network.check(0.015);
      if (has_int8_products()) {
        BOOST_TEST(network.count("QuantizedMatMul+Add+Gelu") == 1);
        BOOST_TEST(network.count("QuantizeLinear") == 1);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(products_with_a_residual_are_f32) {
  Quantised network;
  const auto x = network.round(network.input({2, 13, 40}), scales[1]);
  const auto y = network.add("MatMul", {x, network.weights({40, 24}, 1, true)});
  const auto z = network.add(
      "Add", {network.add("Add", {y, network.constant({24})}), network.input({2, 13, 24})});
  const Scale result{0.02F, 128, false};
  network.output(z);
  network.output(network.round(z, result));
  network.check(0.02);
  Quantised alone;
  const auto a = alone.round(alone.input({1, 40}), scales[4]);
  alone.output(alone.add("MatMul", {a, alone.weights({40, 24}, 1, true)}));
  alone.check(1e-4);
}

BOOST_AUTO_TEST_CASE(general_products_run_in_8_bits) {
  for (const std::int64_t transposed : {0, 1}) {
    for (const std::int64_t rows : {1, 19}) {
      for (const bool bias : {false, true}) {
        Quantised network;
        const auto x = network.round(network.input({rows, 53}), scales[1]);
        const auto w = network.weights(transposed != 0 ? Shape{31, 53} : Shape{53, 31},
                                       transposed != 0 ? 0 : 1, true);
        std::vector<graph::ValueId> inputs{x, w};
        if (bias) {
          inputs.push_back(network.constant({31}));
        }
        const auto y = network.add("Gemm", inputs, attributes({{"transB", transposed}}));
        const Scale result{0.02F, 100, false};
        network.output(network.round(y, result));
        network.check(0.02);
        if (has_int8_products()) {
          BOOST_TEST(network.count("QuantizedMatMul") == 1);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(one_value_read_in_8_bits_and_in_f32) {
  Quantised network;
  const auto x = network.quantise(network.input({1, 8, 6, 5}), scales[3]);
  const auto as_float = network.dequantise(x, scales[3]);
  network.output(network.add("Conv", {as_float, network.weights({8, 8, 1, 1}, 0, true)}));
  network.output(network.add("Mul", {as_float, network.scalar(3)}));
  network.check(1e-4);
}

BOOST_AUTO_TEST_SUITE_END()
