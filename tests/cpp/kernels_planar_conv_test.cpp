// Convolutions of planes into channels-last against plain loops in f64.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/planar_conv.hpp"
#include "worse.hpp"

using namespace coinfer;
using kernels::PlanarConv;

namespace {

std::vector<float> noise(std::int64_t count, unsigned seed) {
  std::mt19937 random{seed};
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

double activated(const PlanarConv& form, double x) {
  switch (form.activation) {
    case PlanarConv::Activation::relu:
      return std::max(x, 0.0);
    case PlanarConv::Activation::hard_swish:
      return x * std::clamp(static_cast<double>(form.alpha) * x + static_cast<double>(form.beta),
                            0.0, 1.0);
    default:
      return x;
  }
}

/// The largest difference from plain loops; sets `inside` when nothing beside the result changed.
double worst_of(const PlanarConv& form, int threads, bool& inside) {
  const auto taps = form.in * form.kernel_height * form.kernel_width;
  const auto image = noise(form.batch * form.in * form.height * form.width, 1);
  const auto weights = noise(form.out * taps, 2);
  const auto bias = noise(form.out, 3);
  const auto count = form.batch * form.out_height * form.out_width * form.out;
  std::vector<float> packed(static_cast<std::size_t>(form.packed_floats()));
  std::vector<float> scratch(static_cast<std::size_t>(form.scratch_floats(threads)) + 1, 7.0F);
  std::vector<float> result(static_cast<std::size_t>(count) + 16, 7.0F);
  kernels::pack_weights(form, weights.data(), packed.data());
  const void* src[] = {image.data(), packed.data(), bias.data()};
  void* dst[] = {result.data(), scratch.data()};
  kernels::planar_conv(form, threads)(src, dst);
  double worst = 0;
  const float* found = result.data();
  for (std::int64_t n = 0; n < form.batch; ++n) {
    for (std::int64_t y = 0; y < form.out_height; ++y) {
      for (std::int64_t x = 0; x < form.out_width; ++x) {
        for (std::int64_t o = 0; o < form.out; ++o, ++found) {
          double sum = form.bias ? static_cast<double>(bias[static_cast<std::size_t>(o)]) : 0;
          for (std::int64_t tap = 0; tap < taps; ++tap) {
            const auto c = tap / (form.kernel_height * form.kernel_width);
            const auto row =
                y * form.stride_y - form.pad_top + tap / form.kernel_width % form.kernel_height;
            const auto column = x * form.stride_x - form.pad_left + tap % form.kernel_width;
            if (row >= 0 && row < form.height && column >= 0 && column < form.width) {
              const auto at = ((n * form.in + c) * form.height + row) * form.width + column;
              sum += static_cast<double>(image[static_cast<std::size_t>(at)]) *
                     static_cast<double>(weights[static_cast<std::size_t>(o * taps + tap)]);
            }
          }
          worst = reference::worse(worst,
                                   std::fabs(activated(form, sum) - static_cast<double>(*found)));
        }
      }
    }
  }
  inside =
      scratch.back() == 7.0F && std::all_of(found, found + 16, [](float x) { return x == 7.0F; });
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(kernels_planar_conv_agrees_with_plain_loops) {
  if (!kernels::has_planar_conv()) {
    BOOST_TEST_MESSAGE("this machine has no AVX2");
    return;
  }
  struct Windows {
    std::int64_t kernel_height, kernel_width, stride_y, stride_x, pad;
  };
  for (const auto& window : {Windows{3, 3, 1, 1, 1},
                             {7, 7, 2, 2, 3},
                             {11, 11, 4, 4, 0},
                             {3, 5, 2, 1, 2},
                             {1, 1, 1, 2, 0},
                             {2, 3, 3, 4, 1}}) {
    for (const std::int64_t in : {1, 3, 4}) {
      for (const std::int64_t out : {8, 16, 20, 32, 47, 64}) {
        for (const std::int64_t width : {13, 40, 111}) {
          PlanarConv form{.batch = in == 1 ? 2 : 1, .in = in, .out = out};
          form.height = 19;
          form.width = width;
          form.kernel_height = window.kernel_height;
          form.kernel_width = window.kernel_width;
          form.stride_y = window.stride_y;
          form.stride_x = window.stride_x;
          form.pad_top = window.pad;
          form.pad_left = window.pad;
          form.out_height = (form.height + 2 * window.pad - form.kernel_height) / form.stride_y + 1;
          form.out_width = (form.width + 2 * window.pad - form.kernel_width) / form.stride_x + 1;
          form.bias = out != 20;
          form.activation = static_cast<PlanarConv::Activation>(out % 3);
          form.alpha = 1.0F / 6;
          form.beta = 0.5F;
          bool inside = false;
          const auto worst = worst_of(form, width == 40 ? 2 : 1, inside);
          const auto taps = static_cast<double>(in * form.kernel_height * form.kernel_width);
          BOOST_TEST(worst <= 1.2e-7 * (8 + 3 * taps),
                     in << " -> " << out << ", width " << width << ": " << worst);
          BOOST_TEST(inside, "memory beside the result was written");
        }
      }
    }
  }
}
