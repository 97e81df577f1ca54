// Channels of images times their factors, against one number at a time.
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/channel_scale.hpp"
#include "tensor/half.hpp"

using namespace coinfer;

namespace {

template <class T>
std::vector<T> noise(std::int64_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<T> numbers(static_cast<std::size_t>(count));
  for (auto& number : numbers) {
    number = static_cast<T>(normal(random));
  }
  return numbers;
}

template <class T, class F>
void check(const kernels::ChannelScale& form, bool in_place, int threads) {
  std::mt19937 random{7};
  const auto count = form.images * form.pixels * form.channels;
  const auto x = noise<T>(count, random);
  const auto factors = noise<F>((form.same_for_all ? 1 : form.images) * form.channels, random);
  std::vector<T> wanted;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto image = form.same_for_all ? 0 : i / (form.pixels * form.channels);
    const auto factor =
        factors[static_cast<std::size_t>(image * form.channels + i % form.channels)];
    wanted.push_back(static_cast<T>(static_cast<float>(x[static_cast<std::size_t>(i)]) *
                                    static_cast<float>(factor)));
  }
  auto result = in_place ? x : std::vector<T>(x.size());
  const void* src[] = {in_place ? result.data() : x.data(), factors.data()};
  void* dst[] = {result.data()};
  kernels::channel_scale(form, threads)(src, dst);
  BOOST_TEST(std::memcmp(result.data(), wanted.data(), wanted.size() * sizeof(T)) == 0,
             form.images << " images of " << form.pixels << " pixels of " << form.channels
                         << " channels, " << threads << " threads");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_channel_scale)

BOOST_AUTO_TEST_CASE(each_channel_is_multiplied_by_its_factor) {
  for (const std::int64_t images : {1, 3}) {
    for (const std::int64_t pixels : {1, 49, 3001}) {
      for (const std::int64_t channels : {1, 15, 16, 17, 72}) {
        for (const bool same : {false, true}) {
          for (const int threads : {1, 2}) {
            kernels::ChannelScale form{images, pixels, channels, same};
            check<float, float>(form, false, threads);
            check<float, float>(form, true, threads);
            form.type = ElementType::bf16;
            check<BFloat16, float>(form, true, threads);
            form.factor_type = ElementType::bf16;
            check<BFloat16, BFloat16>(form, false, threads);
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
