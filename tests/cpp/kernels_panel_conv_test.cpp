// Convolutions and products by panels of weights against plain loops in f64.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "kernels/panel_conv.hpp"
#include "kernels/parts.hpp"
#include "panel_forms.hpp"
#include "worse.hpp"

using namespace coinfer;
using kernels::PanelConv;

namespace {

constexpr float untouched = 7.0F;

std::vector<float> noise(std::int64_t count, unsigned seed) {
  std::mt19937 random{seed};
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

double at(const std::vector<float>& values, std::int64_t i) {
  return static_cast<double>(values[static_cast<std::size_t>(i)]);
}

/// The largest difference from plain loops; sets `inside` when nothing beside the result changed.
double worst_of(const PanelConv::Form& form, int threads, bool& inside) {
  const auto taps = form.kernel_height * form.kernel_width;
  const auto weights_in = std::max(form.in, form.weights_in);
  const auto panels = (form.out + kernels::panel - 1) / kernels::panel;
  const auto src = noise(form.batch * form.height * form.width * form.in, 1);
  const auto weights = noise(panels * taps * weights_in * kernels::panel, 2);
  const auto bias = noise(form.out, 3);
  const auto count = form.batch * form.out_height * form.out_width * form.out;
  const auto added = noise(count, 4);
  auto result = added;  // what is added lies where the result goes
  result.resize(result.size() + 16, untouched);
  const PanelConv conv{form};
  std::vector<float> scratch(static_cast<std::size_t>(conv.scratch_floats(threads)) + 1, untouched);
  std::vector<const void*> from{src.data(), weights.data()};
  if (form.bias) {
    from.push_back(bias.data());
  }
  if (form.sum) {
    from.push_back(result.data());
  }
  void* const to[] = {result.data(), scratch.data()};
  kernels::together(conv.parts(threads))(from.data(), to);
  double worst = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto o = i % form.out;
    double sum = (form.bias ? at(bias, o) : 0) + (form.sum ? at(added, i) : 0);
    reference::for_each_tap(form, i, [&](std::int64_t tap, std::int64_t pixel) {
      const auto first = (o / kernels::panel * taps + tap) * weights_in;
      for (std::int64_t k = 0; k < form.in; ++k) {
        sum += at(src, pixel + k) * at(weights, (first + k) * kernels::panel + o % kernels::panel);
      }
    });
    const auto expected = form.relu   ? std::max(sum, 0.0)
                          : form.gelu ? sum * (1 + std::erf(sum / std::numbers::sqrt2)) / 2
                                      : sum;
    // GELU's slope is at most 1.13, and its own error 3 eps of what it is given.
    const auto own = form.gelu ? 1.8e-7 * std::fabs(sum) : 0;
    worst =
        reference::worse(worst, std::fabs(expected - at(result, i)) / (form.gelu ? 1.13 : 1) - own);
  }
  inside = scratch.back() == untouched && std::all_of(result.begin() + count, result.end(),
                                                      [](float x) { return x == untouched; });
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(kernels_panel_conv_agrees_with_plain_loops) {
  if (!kernels::has_panel_conv()) {
    BOOST_TEST_MESSAGE("this machine has no AVX-512");
    return;
  }
  for (auto [form, threads] :
       reference::panel_cases({5, 64, 133, 500}, {1, 64, 80, 127, 200}, {5, 6, 9})) {
    form.weights_in = form.in == 5 ? 16 : 0;
    bool inside = false;
    const auto worst = worst_of(form, threads, inside);
    const auto terms = static_cast<double>(form.in * form.kernel_height * form.kernel_width);
    BOOST_TEST(worst <= 1.2e-7 * (8 + 3 * terms),
               form.in << " -> " << form.out << ", width " << form.width << ": " << worst);
    BOOST_TEST(inside, "memory beside the result was written");
  }
}

BOOST_AUTO_TEST_CASE(a_part_writes_its_channels_from_its_copies) {
  if (!kernels::has_panel_conv()) {
    BOOST_TEST_MESSAGE("this machine has no AVX-512");
    return;
  }
  constexpr std::int64_t rows = 7;
  constexpr std::int64_t in = 40;
  for (const std::int64_t out : {128, 190, 384}) {
    for (const int threads : {1, 2, 3, 6}) {
      PanelConv::Form form{.in = in, .out = out, .width = rows, .out_width = rows, .sum = true};
      form.src_copy = rows * in + 16;
      form.sum_copy = rows * out + 16;
      const PanelConv conv{form};
      const auto panels = conv.reads().panels;
      const auto src = noise(form.src_copy * threads, 1);
      const auto weights = noise(panels * in * kernels::panel, 2);
      const auto added = noise(form.sum_copy * threads, 3);
      std::vector<float> scratch(static_cast<std::size_t>(conv.scratch_floats(threads)));
      const auto channels = conv.channels(threads);
      BOOST_TEST(channels.size() ==
                 (panels % threads == 0 ? static_cast<std::size_t>(threads) : 0));
      for (std::size_t part = 0; part < channels.size(); ++part) {
        std::vector<float> result(static_cast<std::size_t>(rows * out), untouched);
        const void* const from[] = {src.data(), weights.data(), added.data()};
        void* const to[] = {result.data(), scratch.data()};
        const auto number = static_cast<std::int64_t>(part);
        conv.parts(threads).run(from, to, number);
        for (std::int64_t i = 0; i < rows * out; ++i) {
          const auto o = i % out;
          if (o < channels[part].first || o >= channels[part].second) {
            BOOST_REQUIRE(at(result, i) == static_cast<double>(untouched));
            continue;
          }
          auto sum = at(added, number * form.sum_copy + i);
          for (std::int64_t k = 0; k < in; ++k) {
            sum += at(src, number * form.src_copy + i / out * in + k) *
                   at(weights, (o / kernels::panel * in + k) * kernels::panel + o % kernels::panel);
          }
          BOOST_REQUIRE(std::fabs(sum - at(result, i)) < 2e-5);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gelu_is_exact_far_from_zero) {
  if (!kernels::has_panel_conv()) {
    BOOST_TEST_MESSAGE("this machine has no AVX-512");
    return;
  }
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> given{-1e30F, -1000, -10, -5.5F, 0, 5.5F, 10, 1000, 1e30F, infinity};
  const auto count = static_cast<std::int64_t>(given.size());
  const PanelConv conv{{.in = 1,
                        .out = kernels::panel,
                        .weights_in = 1,
                        .width = count,
                        .out_width = count,
                        .gelu = true}};
  const std::vector<float> weights(kernels::panel, 1.0F);
  std::vector<float> result(given.size() * kernels::panel);
  std::vector<float> scratch(static_cast<std::size_t>(conv.scratch_floats(1)));
  const void* const from[] = {given.data(), weights.data()};
  void* const to[] = {result.data(), scratch.data()};
  kernels::together(conv.parts(1))(from, to);
  for (std::size_t i = 0; i < given.size(); ++i) {
    BOOST_TEST(result[i * kernels::panel] == std::max(given[i], 0.0F), given[i]);
  }
}
