// Copies between strides, against one element at a time.
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <vector>

#include "kernels/copy.hpp"

using namespace coinfer;

namespace {

/// [pixels][groups][channels] to [pixels][channels][groups], with room behind each source group.
template <class T>
void check_shuffle(std::int64_t pixels, std::int64_t groups, std::int64_t channels, int threads) {
  const auto group = channels + 3;
  const auto pixel = groups * group;
  std::vector<T> src(static_cast<std::size_t>(pixels * pixel));
  std::iota(src.begin(), src.end(), T{1});
  constexpr T untouched = 77;
  const auto count = static_cast<std::size_t>(pixels * groups * channels);
  std::vector<T> dst(count + 64, untouched);
  auto wanted = dst;
  for (std::int64_t p = 0; p < pixels; ++p) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t g = 0; g < groups; ++g) {
        wanted[static_cast<std::size_t>((p * channels + c) * groups + g)] =
            src[static_cast<std::size_t>(p * pixel + g * group + c)];
      }
    }
  }
  const auto copy = kernels::strided_copy(sizeof(T), {pixels, channels, groups}, {pixel, 1, group},
                                          {groups * channels, groups, 1}, threads);
  const void* from[] = {src.data()};
  void* to[] = {dst.data()};
  copy(from, to);
  BOOST_TEST(dst == wanted, sizeof(T)
                                << " bytes, " << pixels << " pixels, " << groups << " groups of "
                                << channels << ", " << threads << " threads");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_copy)

BOOST_AUTO_TEST_CASE(channels_are_shuffled_whatever_their_number) {
  for (std::int64_t groups = 1; groups <= 9; ++groups) {
    for (const std::int64_t channels : {1, 7, 8, 15, 16, 17, 31, 32, 33, 68, 100}) {
      for (const std::int64_t pixels : {1, 5, 300}) {
        for (const int threads : {1, 2}) {
          check_shuffle<std::uint8_t>(pixels, groups, channels, threads);
          check_shuffle<std::uint16_t>(pixels, groups, channels, threads);
          check_shuffle<std::uint32_t>(pixels, groups, channels, threads);
          check_shuffle<std::uint64_t>(pixels, groups, channels, threads);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
