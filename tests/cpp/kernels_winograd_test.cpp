#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "kernels/winograd.hpp"
#include "worse.hpp"

using namespace coinfer;
using kernels::Winograd;

namespace {

std::vector<float> noise(std::int64_t count, unsigned seed) {
  std::mt19937 random{seed};
  std::normal_distribution<float> normal;
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (auto& number : numbers) {
    number = normal(random);
  }
  return numbers;
}

/// What one result is in f64, and the root of the sum of its terms' squares: how large sums of such
/// terms are. `direct` is the sum in f32, term by term.
struct Exact {
  double value = 0;
  double size = 0;
  float direct = 0;
};

/// Calls call(result, Exact) for each number of the result.
template <class Call>
void for_each_result(const Winograd::Form& form, const std::vector<float>& src,
                     const std::vector<float>& weights, const Call& call) {
  std::int64_t at = 0;
  for (std::int64_t n = 0; n < form.batch; ++n) {
    for (std::int64_t y = 0; y < form.out_height; ++y) {
      for (std::int64_t x = 0; x < form.out_width; ++x) {
        for (std::int64_t o = 0; o < form.out; ++o, ++at) {
          Exact exact;
          const auto width = form.line == 0 ? 3 : form.line;
          for (std::int64_t k = 0; k < form.taps(); ++k) {
            const auto row = y - form.pad_top + k / width;
            const auto column = x - form.pad_left + k % width;
            if (row < 0 || row >= form.height || column < 0 || column >= form.width) {
              continue;
            }
            const auto* const pixel =
                src.data() + ((n * form.height + row) * form.width + column) * form.in;
            for (std::int64_t i = 0; i < form.in; ++i) {
              const auto weight =
                  weights[static_cast<std::size_t>((o * form.in + i) * form.taps() + k)];
              const auto term = static_cast<double>(pixel[i]) * static_cast<double>(weight);
              exact.value += term;
              exact.size += term * term;
              exact.direct = std::fma(pixel[i], weight, exact.direct);
            }
          }
          exact.size = std::sqrt(exact.size);
          call(static_cast<std::size_t>(at), exact);
        }
      }
    }
  }
}

std::vector<float> packed(const Winograd::Form& form, const std::vector<float>& weights) {
  std::vector<float> to(static_cast<std::size_t>(form.packed_floats()));
  kernels::pack_winograd_weights(form, weights.data(), to.data());
  return to;
}

std::int64_t results(const Winograd::Form& form) {
  return form.batch * form.out_height * form.out_width * form.out;
}

/// The largest errors, in eps of a result's size.
struct Errors {
  double winograd = 0;
  double direct = 0;  ///< without post-ops
};

/// What a convolution writes; `inside`: nothing beside the result and the scratch memory.
std::vector<float> run(const Winograd::Form& form, int threads, const std::vector<float>& src,
                       const std::vector<float>& transformed, const std::vector<float>& bias,
                       const std::vector<float>& added, bool& inside) {
  const Winograd conv{form, threads};
  constexpr float untouched = 12345.0F;
  constexpr std::size_t guard = 64;
  const auto count = static_cast<std::size_t>(results(form));
  const auto scratch_floats = static_cast<std::size_t>(conv.scratch_floats());
  std::vector<float> dst(count + guard, untouched);
  std::vector<float> scratch(scratch_floats + guard, untouched);
  if (form.sum) {
    std::copy(added.begin(), added.end(), dst.begin());  // over itself
  }
  std::vector<const void*> sources{src.data(), transformed.data()};
  if (form.bias) {
    sources.push_back(bias.data());
  }
  if (form.sum) {
    sources.push_back(dst.data());
  }
  void* const targets[] = {dst.data(), scratch.data()};
  conv.kernel()(sources.data(), targets);
  for (std::size_t i = 0; i < guard; ++i) {
    inside = inside && dst[count + i] == untouched && scratch[scratch_floats + i] == untouched;
  }
  dst.resize(count);
  return dst;
}

/// On one to three threads, whose results have to be the same.
Errors errors_of(const Winograd::Form& form) {
  const auto src = noise(form.batch * form.height * form.width * form.in, 1);
  const auto weights = noise(form.out * form.in * form.taps(), 2);
  const auto bias = noise(form.out, 3);
  const auto added = noise(results(form), 4);
  const auto transformed = packed(form, weights);
  bool inside = true;
  const auto dst = run(form, 1, src, transformed, bias, added, inside);
  for (const int threads : {2, 3}) {
    BOOST_TEST((run(form, threads, src, transformed, bias, added, inside) == dst), threads);
  }
  BOOST_TEST(inside);
  Errors worst;
  for_each_result(form, src, weights, [&](std::size_t i, Exact exact) {
    const auto unit = static_cast<double>(std::numeric_limits<float>::epsilon()) *
                      (1 + std::max(exact.size, std::abs(exact.value)));
    worst.direct = reference::worse(
        worst.direct, std::abs(static_cast<double>(exact.direct) - exact.value) / unit);
    exact.value +=
        form.bias ? static_cast<double>(bias[i % static_cast<std::size_t>(form.out)]) : 0;
    exact.value += form.sum ? static_cast<double>(added[i]) : 0;
    if (form.relu) {
      exact.value = std::max(exact.value, 0.0);
    }
    worst.winograd = reference::worse(worst.winograd,
                                      std::abs(static_cast<double>(dst[i]) - exact.value) / unit);
  });
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(kernels_winograd_agrees_with_f64_on_ragged_shapes) {
  if (!kernels::has_winograd()) {
    BOOST_TEST_MESSAGE("no AVX2: convolutions are oneDNN's");
    return;
  }
  int number = 0;
  for (const auto& [height, width] : std::initializer_list<std::pair<std::int64_t, std::int64_t>>{
           {1, 1}, {2, 3}, {3, 2}, {5, 7}, {8, 8}, {15, 14}, {31, 9}}) {
    for (const auto& [in, out] : std::initializer_list<std::pair<std::int64_t, std::int64_t>>{
             {1, 1}, {3, 20}, {16, 64}, {17, 33}, {64, 48}, {80, 130}}) {
      for (const std::int64_t pad : {0, 1, 2}) {
        Winograd::Form form{.batch = 1 + number % 2, .in = in, .out = out};
        form.height = height;
        form.width = width;
        form.pad_top = pad;
        form.pad_left = pad == 2 ? 1 : pad;
        form.out_height = height + 2 * form.pad_top - 2;
        form.out_width = width + 2 * form.pad_left - 2 + number % 2;  // padded on the right as well
        form.bias = number % 3 != 0;
        form.sum = number % 4 == 1;
        form.relu = number % 5 > 2;
        ++number;
        if (form.out_height < 1 || form.out_width < 1) {
          continue;
        }
        const auto worst = errors_of(form).winograd;
        BOOST_TEST(worst < 3 + std::sqrt(9.0 * static_cast<double>(in)) / 2,
                   "pixels " << height << "x" << width << ", " << in << " to " << out
                             << ", padding " << pad << ": " << worst);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(kernels_winograd_of_lines_agrees_with_f64) {
  if (!kernels::has_winograd()) {
    BOOST_TEST_MESSAGE("no AVX2: convolutions are oneDNN's");
    return;
  }
  int number = 0;
  for (const std::int64_t line : {3, 5}) {
    for (const auto& [height, width] : std::initializer_list<std::pair<std::int64_t, std::int64_t>>{
             {1, 1}, {1, 2}, {2, 5}, {3, 6}, {1, 7}, {2, 31}, {1, 100}}) {
      for (const auto& [in, out] : std::initializer_list<std::pair<std::int64_t, std::int64_t>>{
               {1, 1}, {3, 20}, {16, 64}, {33, 17}, {80, 130}}) {
        for (const std::int64_t pad : {0, 1, 4}) {
          Winograd::Form form{.batch = 1 + number % 2, .in = in, .out = out, .line = line};
          form.height = form.out_height = height;
          form.width = width;
          form.pad_left = pad;
          form.out_width = width + pad + number % 2 - line + 1;  // padded on the right as well
          form.bias = number % 3 != 0;
          form.sum = number % 4 == 1;
          form.relu = number % 5 > 2;
          ++number;
          if (form.out_width < 1) {
            continue;
          }
          const auto worst = errors_of(form).winograd;
          const auto terms = static_cast<double>(line * in);
          BOOST_TEST(worst < (line == 3 ? 1 : 4) * (3 + std::sqrt(terms) / 2),
                     "line " << line << " over " << height << "x" << width << ", " << in << " to "
                             << out << ", padding " << pad << ": " << worst);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(kernels_winograd_of_long_lines_is_a_few_times_as_bad_as_a_direct_one) {
  if (!kernels::has_winograd()) {
    BOOST_TEST_MESSAGE("no AVX2: convolutions are oneDNN's");
    return;
  }
  Winograd::Form form{.in = 256, .out = 64, .width = 100, .line = 5};
  form.out_height = 1;
  form.out_width = 96;
  const auto errors = errors_of(form);
  BOOST_TEST(errors.winograd < 3 * errors.direct, errors.winograd << ", direct " << errors.direct);
  BOOST_TEST_MESSAGE("errors in eps: " << errors.winograd << ", direct " << errors.direct);
}

BOOST_AUTO_TEST_CASE(kernels_winograd_of_long_sums_is_no_worse_than_a_direct_one) {
  if (!kernels::has_winograd()) {
    BOOST_TEST_MESSAGE("no AVX2: convolutions are oneDNN's");
    return;
  }
  Winograd::Form form{.in = 512, .out = 64, .height = 14, .width = 14};
  form.out_height = form.out_width = 14;
  form.pad_top = form.pad_left = 1;
  const auto errors = errors_of(form);
  BOOST_TEST(errors.winograd < errors.direct, errors.winograd << ", direct " << errors.direct);
  BOOST_TEST_MESSAGE("errors in eps: " << errors.winograd << ", direct " << errors.direct);
}

BOOST_AUTO_TEST_CASE(kernels_winograd_spreads_what_is_not_finite_no_farther_than_its_windows) {
  if (!kernels::has_winograd()) {
    BOOST_TEST_MESSAGE("no AVX2: convolutions are oneDNN's");
    return;
  }
  for (const std::int64_t line : {0, 3, 5}) {
    Winograd::Form form{.in = 16, .out = 16, .height = 7, .width = 7};
    form.out_height = form.out_width = 7;
    form.line = line;
    form.pad_top = line == 0 ? 1 : 0;
    form.pad_left = line == 5 ? 2 : 1;
    const auto weights = noise(form.out * form.in * form.taps(), 2);
    const auto transformed = packed(form, weights);
    const Winograd conv{form, 1};
    std::vector<float> dst(static_cast<std::size_t>(results(form)));
    std::vector<float> scratch(static_cast<std::size_t>(conv.scratch_floats()));
    for (const auto value :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      for (std::size_t pixel = 0; pixel < 49; ++pixel) {
        auto src = noise(49 * form.in, 1);
        src[pixel * 16 + 5] = value;
        const void* const sources[] = {src.data(), transformed.data()};
        void* const targets[] = {dst.data(), scratch.data()};
        conv.kernel()(sources, targets);
        for_each_result(form, src, weights, [&](std::size_t i, const Exact& exact) {
          BOOST_TEST(std::isfinite(dst[i]) == std::isfinite(exact.value));
        });
      }
    }
  }
}
