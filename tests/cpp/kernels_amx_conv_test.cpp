// Convolutions and products of bf16 on AMX against plain loops in f64.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "halves.hpp"
#include "has_tiles.hpp"
#include "kernels/amx_conv.hpp"
#include "panel_forms.hpp"
#include "worse.hpp"

using namespace coinfer;
using kernels::AmxConv;
using kernels::PanelConv;
using reference::Aligned;
using reference::for_each_tap;
using reference::Halves;
using reference::halves;
using reference::panel_cases;
using reference::widened;

namespace {

constexpr std::uint16_t untouched = 0x4242;

double at(const Halves& values, std::int64_t i) {
  return static_cast<double>(widened(values[static_cast<std::size_t>(i)]));
}

/// The largest difference from plain loops, as a share of what rounding may do to the result.
double worst_of(const PanelConv::Form& form, int threads, bool f32_result, bool f32_sum) {
  const auto taps = form.kernel_height * form.kernel_width;
  const auto panels = (form.out + AmxConv::panel - 1) / AmxConv::panel;
  const auto count = form.batch * form.out_height * form.out_width * form.out;
  const auto from = halves(form.batch * form.height * form.width * form.in, 1);
  const auto weights = halves(taps * panels * AmxConv::panel * form.in, 2);
  const auto added = halves(count, 3);
  std::vector<float> bias(static_cast<std::size_t>(form.out));
  for (std::size_t i = 0; i < bias.size(); ++i) {
    bias[i] = static_cast<float>(i % 11) - 5;
  }
  // Memory of whole cache lines, as a plan gives it; what is added lies where the result goes.
  const Aligned src{static_cast<std::int64_t>(from.size() * 2)};
  std::memcpy(src.data(), from.data(), from.size() * 2);
  std::vector<float> added_f32(added.size());
  const auto size = f32_result ? std::size_t{4} : std::size_t{2};
  const Aligned memory{count * static_cast<std::int64_t>(size) + 64};
  auto* const result = static_cast<std::byte*>(memory.data());
  for (std::size_t i = 0; i < added.size(); ++i) {
    const auto number = widened(added[i]);
    added_f32[i] = number;
    std::memcpy(result + i * size, f32_result ? static_cast<const void*>(&number) : &added[i],
                size);
  }
  const auto end = added.size() * size;
  std::memcpy(result + end, &untouched, sizeof(untouched));

  const AmxConv conv{form, f32_result, f32_sum};
  const Aligned scratch{conv.scratch_bytes(threads)};
  std::vector<const void*> sources{src.data(), weights.data()};
  if (form.bias) {
    sources.push_back(bias.data());
  }
  if (form.sum) {
    sources.push_back(f32_sum == f32_result ? result
                      : f32_sum             ? static_cast<const void*>(added_f32.data())
                                            : added.data());
  }
  void* const to[] = {result, scratch.data()};
  conv.kernel(threads)(sources.data(), to);
  BOOST_TEST(std::memcmp(result + end, &untouched, sizeof(untouched)) == 0);

  double worst = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto o = i % form.out;
    double sum = form.bias ? static_cast<double>(bias[static_cast<std::size_t>(o)]) : 0;
    sum += form.sum ? at(added, i) : 0;
    double size_of_terms = std::fabs(sum) + 1;
    for_each_tap(form, i, [&](std::int64_t tap, std::int64_t pixel) {
      for (std::int64_t k = 0; k < form.in; ++k) {
        const auto block = (tap * panels + o / 32) * (form.in / 32) + k / 32;
        const auto weight = block * 1024 + k % 32 / 2 * 64 + o % 32 * 2 + k % 2;
        const auto term = at(from, pixel + k) * at(weights, weight);
        sum += term;
        size_of_terms += std::fabs(term);
      }
    });
    const auto expected = form.relu ? std::max(sum, 0.0) : sum;
    float got = 0;
    if (f32_result) {
      std::memcpy(&got, result + static_cast<std::size_t>(i) * size, size);
    } else {
      std::uint16_t half = 0;
      std::memcpy(&half, result + static_cast<std::size_t>(i) * size, size);
      got = widened(half);
    }
    const auto allowed =
        size_of_terms * 1e-6 + (f32_result ? 0.0 : std::fabs(expected) / 256 + 1e-30);
    const auto error = std::fabs(expected - static_cast<double>(got)) / allowed;
    worst = reference::worse(worst, error);
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(kernels_amx_conv_agrees_with_plain_loops) {
  if (!testing::has_tiles()) {
    BOOST_TEST_MESSAGE("no AMX here: nothing runs this kernel");
    return;
  }
  for (const auto& [form, threads] : panel_cases({32, 160}, {1, 64, 80, 127}, {4, 5, 9})) {
    BOOST_TEST_CONTEXT(form.in << " -> " << form.out << ", width " << form.width << ", kernel "
                               << form.kernel_height << " x " << form.kernel_width) {
      for (const bool f32_sum : {true, false}) {
        BOOST_TEST(worst_of(form, threads, true, f32_sum) <= 1);
        BOOST_TEST(worst_of(form, threads, false, f32_sum) <= 1);
      }
    }
  }
  // Panels that the second cache does not hold.
  for (const std::int64_t rows : {1, 40}) {
    PanelConv::Form form{.in = 8224, .out = 70};
    form.width = form.out_width = rows;
    form.bias = true;
    BOOST_TEST(worst_of(form, 2, true, true) <= 1);
  }
}
