// Products with packed matrices and the gates of recurrent cells, against plain loops in f64.
#include <bit>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/gates.hpp"
#include "kernels/thin_product.hpp"
#include "worse.hpp"

using namespace coinfer;

namespace {

std::vector<float> noise(std::int64_t count, unsigned seed, float scale = 1) {
  std::mt19937 random{seed};
  std::normal_distribution<float> normal{0, scale};
  std::vector<float> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Within a few rounding errors of numbers up to 1.
void check_near(float found, double expected) {
  BOOST_TEST(std::fabs(static_cast<double>(found) - expected) <= 1e-6 + 1e-6 * std::fabs(expected),
             found << " instead of " << expected);
}

}  // namespace

using Weights = boost::mpl::list<float, std::uint16_t>;

BOOST_AUTO_TEST_CASE_TEMPLATE(kernels_packed_product_adds_to_its_result, Weight, Weights) {
  for (const std::int64_t rows : {1, 2, 3, 4, 5, 8}) {
    for (const std::int64_t n : {1, 15, 64, 65, 200}) {
      for (const std::int64_t k : {1, 2, 7, 130}) {
        const auto a = noise(rows * k, 1);
        const auto given = noise(n * k, 2);
        auto b = given;
        if (sizeof(Weight) == 2) {
          for (auto& number : b) {  // the nearest of bf16, the even one of two
            const auto bits = std::bit_cast<std::uint32_t>(number);
            number = std::bit_cast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000U);
          }
        }
        const auto stride = n + 3;
        auto c = noise(rows * stride, 3);
        const auto before = c;
        std::vector<Weight> packed(static_cast<std::size_t>(kernels::packed_numbers(n, k)));
        kernels::pack_rows(given.data(), n, k, packed.data());
        kernels::multiply_packed(rows, n, k, a.data(), packed.data(), c.data(), stride);
        double worst = 0;
        bool beside = true;
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t j = 0; j < stride; ++j) {
            const auto at = static_cast<std::size_t>(row * stride + j);
            if (j >= n) {
              beside = beside && c[at] == before[at];
              continue;
            }
            double sum = before[at];
            for (std::int64_t i = 0; i < k; ++i) {
              sum += static_cast<double>(a[static_cast<std::size_t>(row * k + i)]) *
                     static_cast<double>(b[static_cast<std::size_t>(j * k + i)]);
            }
            worst = reference::worse(worst, std::fabs(sum - static_cast<double>(c[at])));
          }
        }
        BOOST_TEST(beside, "columns beside the result were written");
        BOOST_TEST(worst <= 4 * 1.2e-7 * std::sqrt(static_cast<double>(k)) * 4,
                   rows << " x " << n << " x " << k << ": " << worst);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(kernels_lstm_gates_agree_with_their_formula) {
  for (const std::int64_t n : {1, 5, 16, 17, 40}) {
    const auto gates = noise(4 * n, 5, 4);
    auto h = noise(n, 6);
    auto c = noise(n, 7);
    const auto before = c;
    kernels::lstm_gates(gates.data(), h.data(), c.data(), n);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto gate = [&](std::int64_t which) {
        return static_cast<double>(gates[static_cast<std::size_t>(which * n + i)]);
      };
      const auto at = static_cast<std::size_t>(i);
      const auto cell = sigmoid(gate(2)) * static_cast<double>(before[at]) +
                        sigmoid(gate(0)) * std::tanh(gate(3));
      check_near(c[at], cell);
      check_near(h[at], sigmoid(gate(1)) * std::tanh(cell));
    }
  }
}

BOOST_AUTO_TEST_CASE(kernels_gru_gates_agree_with_their_formula) {
  for (const std::int64_t n : {1, 5, 16, 17, 40}) {
    const auto gates = noise(2 * n, 5, 3);
    const auto x = noise(n, 6, 0.3F);
    const auto r = noise(n, 7, 0.3F);
    const auto before = noise(n, 8);
    auto after = before;
    kernels::gru_gates(gates.data(), x.data(), r.data(), after.data(), n);
    auto reset_h = noise(n, 9);
    kernels::gru_reset(gates.data(), before.data(), reset_h.data(), n);
    auto finished = before;
    kernels::gru_finish(gates.data(), x.data(), finished.data(), n);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto update = sigmoid(static_cast<double>(gates[at]));
      const auto reset = sigmoid(static_cast<double>(gates[static_cast<std::size_t>(n + i)]));
      const auto state = static_cast<double>(before[at]);
      const auto sum = static_cast<double>(x[at]) + reset * static_cast<double>(r[at]);
      check_near(after[at], (1 - update) * std::tanh(sum) + update * state);
      check_near(reset_h[at], reset * state);
      check_near(finished[at],
                 (1 - update) * std::tanh(static_cast<double>(x[at])) + update * state);
    }
  }
}

BOOST_AUTO_TEST_CASE(kernels_gates_bear_extreme_numbers) {
  for (const float x : {-1e30F, -200.0F, -1e-20F, 0.0F, 1e-20F, 200.0F, 1e30F}) {
    const float gates[] = {x, x, x, x};
    float h = 0;
    float c = 0.5F;
    kernels::lstm_gates(gates, &h, &c, 1);
    const auto open = sigmoid(static_cast<double>(x));
    check_near(c, open * 0.5 + open * std::tanh(static_cast<double>(x)));
    check_near(h, open * std::tanh(static_cast<double>(c)));
  }
  const float gates[] = {0, std::nanf(""), 0, 0};
  float h = 0;
  float c = 0;
  kernels::lstm_gates(gates, &h, &c, 1);
  BOOST_TEST(std::isnan(h));
}
