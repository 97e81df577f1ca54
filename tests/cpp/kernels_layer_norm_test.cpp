// Layer normalisation against f64.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "halves.hpp"
#include "kernels/layer_norm.hpp"
#include "worse.hpp"

using namespace coinfer;
using kernels::LayerNorm;

namespace {

constexpr float untouched = 77;

/// The largest difference from f64, in units of the result's precision at 1.
double worst_of(const LayerNorm& form, int threads, float offset) {
  const auto length = static_cast<std::size_t>(form.length);
  const auto size = static_cast<std::size_t>(form.rows) * length;
  std::vector<float> x(size);
  for (std::size_t i = 0; i < size; ++i) {
    x[i] = offset + static_cast<float>(std::sin(static_cast<double>(i) * 1.7) * 3);
  }
  std::vector<float> scale(length);
  std::vector<float> shift(length);
  for (std::size_t i = 0; i < length; ++i) {
    scale[i] = 0.5F + static_cast<float>(i % 5) / 7;
    shift[i] = static_cast<float>(i % 3) - 1;
  }
  std::vector<float> y(size + 16, untouched);
  const void* const src[] = {x.data(), scale.data(), shift.data()};
  void* const dst[] = {y.data()};
  kernels::layer_norm(form, threads)(src, dst);
  const auto* halves = reinterpret_cast<const std::uint16_t*>(y.data());
  const auto written = form.bf16 ? (size + 1) / 2 : size;
  BOOST_TEST(std::all_of(y.begin() + static_cast<std::ptrdiff_t>(written), y.end(),
                         [](float one) { return one == untouched; }));
  double worst = 0;
  for (std::size_t row = 0; row < size; row += length) {
    double mean = 0;
    for (std::size_t i = 0; i < length; ++i) {
      mean += static_cast<double>(x[row + i]);
    }
    mean /= static_cast<double>(length);
    double variance = 0;
    for (std::size_t i = 0; i < length; ++i) {
      variance += std::pow(static_cast<double>(x[row + i]) - mean, 2);
    }
    variance /= static_cast<double>(length);
    for (std::size_t i = 0; i < length; ++i) {
      const auto normal = (static_cast<double>(x[row + i]) - mean) /
                          std::sqrt(variance + static_cast<double>(form.epsilon));
      const auto wanted = normal * static_cast<double>(scale[i]) +
                          (form.has_shift ? static_cast<double>(shift[i]) : 0.0);
      const auto got =
          static_cast<double>(form.bf16 ? reference::widened(halves[row + i]) : y[row + i]);
      const auto error = std::abs(got - wanted);
      worst = reference::worse(worst, error);
    }
  }
  return worst / std::ldexp(1.0, form.bf16 ? -8 : -24);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_layer_norm)

BOOST_AUTO_TEST_CASE(ragged_rows_agree_with_f64) {
  for (const std::int64_t length : {1, 7, 16, 17, 64, 65, 100, 384, 1031}) {
    for (const std::int64_t rows : {1, 3, 40}) {
      for (const bool has_shift : {false, true}) {
        for (const int threads : {1, 3}) {
          BOOST_TEST_CONTEXT("length " << length << ", rows " << rows << ", threads " << threads) {
            LayerNorm form{rows, length, 1e-5F, has_shift, false};
            BOOST_TEST(worst_of(form, threads, 0) < 24);
            form.bf16 = true;
            BOOST_TEST(worst_of(form, threads, 0) < 4);
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_large_mean_costs_no_more_than_its_own_rounding) {
  // Of 1000 an eps is 2^-14: 1000 times that of 1, and the variance is one of distances.
  BOOST_TEST(worst_of({5, 384, 1e-5F, true, false}, 1, 1000) < 24 * 1000);
}

BOOST_AUTO_TEST_CASE(a_result_may_lie_over_its_source) {
  std::vector<float> x(3 * 33);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i * i % 19);
  }
  const std::vector<float> scale(33, 1.5F);
  auto apart = x;
  const LayerNorm form{3, 33, 1e-5F, false, false};
  const void* const src[] = {x.data(), scale.data()};
  void* const elsewhere[] = {apart.data()};
  kernels::layer_norm(form, 1)(src, elsewhere);
  void* const over[] = {x.data()};
  kernels::layer_norm(form, 1)(src, over);
  BOOST_TEST(x == apart, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_part_has_a_copy_of_its_own) {
  constexpr std::int64_t rows = 5;
  constexpr std::int64_t length = 37;
  constexpr std::int64_t copy = 192;
  constexpr int parts = 3;
  std::vector<float> x(rows * length);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i * i % 23);
  }
  const std::vector<float> scale(length, 1.5F);
  const std::vector<float> shift(length, -0.5F);
  const LayerNorm form{rows, length, 1e-5F, true, false};
  const void* const src[] = {x.data(), scale.data(), shift.data()};
  std::vector<float> once(x.size());
  void* const elsewhere[] = {once.data()};
  kernels::layer_norm(form, 1)(src, elsewhere);
  const auto work = kernels::layer_norm_copies(form, parts, copy);
  BOOST_REQUIRE(work.count == parts);
  std::vector<float> copies(parts * copy, untouched);
  void* const to[] = {copies.data()};
  for (int part = parts - 1; part >= 0; --part) {
    work.run(src, to, part);
    for (int i = 0; i < parts; ++i) {
      for (std::int64_t k = 0; k < copy; ++k) {
        const auto expected =
            i >= part && k < rows * length ? once[static_cast<std::size_t>(k)] : untouched;
        BOOST_REQUIRE(copies[static_cast<std::size_t>(i * copy + k)] == expected);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
