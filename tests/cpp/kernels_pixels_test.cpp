// Planes of f32 as pixels of bf16, against one number at a time.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/pixels.hpp"

using namespace coinfer;

namespace {

/// The nearest bf16, to even where two are as near.
std::uint16_t rounded(float x) {
  if (std::isnan(x)) {
    return 0x7fc0;
  }
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof(bits));
  const auto down = bits & 0xffff0000U;
  const auto rest = bits & 0xffffU;
  const bool up = rest > 0x8000U || (rest == 0x8000U && (bits & 0x10000U) != 0);
  return static_cast<std::uint16_t>((down + (up ? 0x10000U : 0U)) >> 16);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_pixels)

BOOST_AUTO_TEST_CASE(planes_become_pixels_whatever_their_number_and_length) {
  std::mt19937 random{5};
  std::normal_distribution<float> normal;
  for (std::int64_t channels = 1; channels <= kernels::most_planes; ++channels) {
    for (const std::int64_t images : {1, 3}) {
      for (const std::int64_t pixels : {1, 15, 16, 33, 9000, 20011}) {
        for (const int threads : {1, 2}) {
          const auto count = static_cast<std::size_t>(images * channels * pixels);
          std::vector<float> x(count);
          std::generate(x.begin(), x.end(), [&] { return normal(random); });
          x[0] = std::numeric_limits<float>::quiet_NaN();
          x[count / 2] = std::numeric_limits<float>::infinity();
          x[count - 1] = 1.00390625F;  // between two numbers of bf16
          std::vector<std::uint16_t> y(count + 16, 0x1234);
          const void* src[] = {x.data()};
          void* dst[] = {y.data()};
          kernels::planes_to_pixels(images, channels, pixels, threads)(src, dst);
          bool same = true;
          for (std::size_t i = 0; i < count; ++i) {
            const auto c = static_cast<std::int64_t>(i) % channels;
            const auto pixel = static_cast<std::int64_t>(i) / channels % pixels;
            const auto image = static_cast<std::int64_t>(i) / channels / pixels;
            const auto from = static_cast<std::size_t>((image * channels + c) * pixels + pixel);
            same = same && y[i] == rounded(x[from]);
          }
          BOOST_TEST_CONTEXT(images << " images of " << channels << " x " << pixels << ", threads "
                                    << threads) {
            BOOST_TEST(same);
            BOOST_TEST(std::all_of(y.end() - 16, y.end(), [](auto v) { return v == 0x1234; }));
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
