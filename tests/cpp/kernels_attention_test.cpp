// Attention of bf16 operands on AMX, and of f32 ones, against plain loops in f64.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "halves.hpp"
#include "has_tiles.hpp"
#include "kernels/attention.hpp"
#include "kernels/isa.hpp"
#include "kernels/parts.hpp"
#include "worse.hpp"

using namespace coinfer;
using kernels::Attention;
using reference::Aligned;
using reference::halves;
using reference::Halves;
using reference::widened;

namespace {

constexpr auto infinity = std::numeric_limits<float>::infinity();
constexpr std::uint16_t untouched = 0x4242;

enum class Mask { none, columns, full };
enum class Types { bf16, bf16_to_f32, f32 };

struct Case {
  std::int64_t batch, heads, rows, keys, depth, width;
  bool k_by_columns, v_by_columns;
  Mask mask;
};

Attention form_of(const Case& one) {
  Attention form;
  form.batch = {one.batch, one.heads};
  form.rows = one.rows;
  form.keys = one.keys;
  form.depth = one.depth;
  form.width = one.width;
  // Of q, k and v the heads of a row lie side by side, as projections leave them.
  const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
    return Attention::Matrix{{rows * one.heads * columns, columns}, one.heads * columns, 1};
  };
  form.q = matrix(one.rows, one.depth);
  form.k = matrix(one.keys, one.depth);
  std::swap(form.k.row, form.k.column);
  if (!one.k_by_columns) {
    form.k = matrix(one.depth, one.keys);
  }
  form.v = matrix(one.keys, one.width);
  if (one.v_by_columns) {
    form.v = matrix(one.width, one.keys);
    std::swap(form.v.row, form.v.column);
  }
  form.result = matrix(one.rows, one.width);
  form.has_mask = one.mask != Mask::none;
  form.mask = one.mask == Mask::full ? Attention::Matrix{{one.rows * one.keys, 0}, one.keys, 1}
                                     : Attention::Matrix{{one.keys, 0}, 0, 1};
  form.scale = 0.3F;
  return form;
}

/// Operands as the kernel reads them, and widened.
struct Operand {
  Operand(Types types, std::int64_t size, int seed)
      : given(halves(size, seed)), numbers(given.size()) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      // Of f32 the lower halves matter too.
      numbers[i] = widened(given[i]) * (types == Types::f32 ? 1.00123F : 1.0F);
    }
  }
  Halves given;
  std::vector<float> numbers;
};

double number(const Operand& operand, const Attention::Matrix& matrix, std::int64_t b,
              std::int64_t h, std::int64_t row, std::int64_t column) {
  return static_cast<double>(operand.numbers[static_cast<std::size_t>(
      b * matrix.batch[0] + h * matrix.batch[1] + row * matrix.row + column * matrix.column)]);
}

/// The largest difference from plain loops, as a share of the root mean square of v.
double worst_of(const Case& one, int threads, Types types) {
  auto form = form_of(one);
  const bool f32 = types == Types::f32;
  const bool f32_result = types != Types::bf16;
  form.f32_result = f32_result;
  const auto count = one.batch * one.heads;
  const Operand q{types, count * one.rows * one.depth, 1};
  const Operand k{types, count * one.keys * one.depth, 2};
  const Operand v{types, count * one.keys * one.width, 3};
  std::vector<float> mask(static_cast<std::size_t>(one.batch * one.rows * one.keys));
  for (std::size_t i = 0; i < mask.size(); ++i) {
    mask[i] = i % 7 == 3 ? -infinity : i % 5 == 1 ? std::numeric_limits<float>::lowest() : 0.5F;
  }
  if (one.mask == Mask::full) {
    // The first row sees nothing: by the lowest number all keys count alike.
    std::fill_n(mask.begin(), one.keys, std::numeric_limits<float>::lowest());
  }
  Halves result(static_cast<std::size_t>(count * one.rows * one.width) * (f32_result ? 2 : 1) + 16,
                untouched);
  const Aligned scratch{f32 ? kernels::attention_f32_scratch_bytes(form, threads)
                            : kernels::attention_scratch_bytes(form, threads)};
  const auto data = [&](const Operand& operand) -> const void* {
    return f32 ? static_cast<const void*>(operand.numbers.data()) : operand.given.data();
  };
  const void* const src[] = {data(q), data(k), data(v), mask.data()};
  void* const dst[] = {result.data(), scratch.data()};
  (f32 ? kernels::together(kernels::attention_f32(form, threads))
       : kernels::attention(form, threads))(src, dst);
  BOOST_TEST(std::all_of(result.end() - 16, result.end(), [](auto x) { return x == untouched; }));

  double worst = 0;
  std::vector<double> powers(static_cast<std::size_t>(one.keys));
  for (std::int64_t b = 0; b < one.batch; ++b) {
    for (std::int64_t h = 0; h < one.heads; ++h) {
      for (std::int64_t row = 0; row < one.rows; ++row) {
        auto top = -std::numeric_limits<double>::infinity();
        for (std::int64_t key = 0; key < one.keys; ++key) {
          double score = 0;
          for (std::int64_t i = 0; i < one.depth; ++i) {
            score += number(q, form.q, b, h, row, i) * number(k, form.k, b, h, i, key);
          }
          score *= static_cast<double>(form.scale);
          if (form.has_mask) {
            const auto at = b * form.mask.batch[0] + row * form.mask.row + key;
            // In f32: the lowest number swallows the score.
            score =
                static_cast<double>(static_cast<float>(score) + mask[static_cast<std::size_t>(at)]);
          }
          powers[static_cast<std::size_t>(key)] = score;
          top = std::max(top, score);
        }
        double sum = 0;
        for (auto& power : powers) {
          power = std::exp(power - top);
          sum += power;
        }
        for (std::int64_t i = 0; i < one.width; ++i) {
          double wanted = 0;
          for (std::int64_t key = 0; key < one.keys; ++key) {
            wanted += powers[static_cast<std::size_t>(key)] / sum * number(v, form.v, b, h, key, i);
          }
          const auto at = static_cast<std::size_t>(
              b * form.result.batch[0] + h * form.result.batch[1] + row * form.result.row + i);
          float got = 0;
          if (f32_result) {
            std::memcpy(&got, result.data() + 2 * at, sizeof(got));
          } else {
            got = widened(result[at]);
          }
          const auto error = std::abs(static_cast<double>(got) - wanted);
          worst = reference::worse(worst, error);
        }
      }
    }
  }
  return worst;
}

constexpr Case cases[] = {
    {1, 1, 16, 16, 32, 32, true, false, Mask::none},
    {2, 3, 17, 31, 40, 24, true, false, Mask::columns},
    {1, 2, 33, 100, 64, 64, true, false, Mask::full},
    {2, 2, 61, 33, 8, 8, false, false, Mask::none},
    {1, 3, 32, 65, 17, 33, false, true, Mask::full},
    {3, 1, 95, 197, 64, 80, true, true, Mask::columns},
    {1, 1, 49, 600, 256, 256, true, false, Mask::none},
};

/// Each case with each number of threads.
template <class Limit>
void check(Types types, const Limit& limit) {
  for (const auto& one : cases) {
    for (const int threads : {1, 2, 3}) {
      BOOST_TEST_CONTEXT("rows " << one.rows << ", keys " << one.keys << ", depth " << one.depth
                                 << ", width " << one.width << ", threads " << threads) {
        BOOST_TEST(worst_of(one, threads, types) < limit(one));
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_attention)

BOOST_AUTO_TEST_CASE(ragged_attentions_agree_with_plain_loops) {
  if (!testing::has_tiles()) {
    BOOST_TEST_MESSAGE("no AMX here: nothing runs this kernel");
    return;
  }
  // Powers are rounded to 8 bits; so is the result.
  check(Types::bf16_to_f32, [](const Case&) { return 0.012; });
  check(Types::bf16, [](const Case&) { return 0.025; });
}

BOOST_AUTO_TEST_CASE(ragged_attentions_of_f32_agree_with_plain_loops) {
  if (kernels::isa() != kernels::Isa::avx512) {
    BOOST_TEST_MESSAGE("no AVX-512 here: nothing runs this kernel");
    return;
  }
  check(Types::f32, [](const Case& one) {
    return 24 * std::ldexp(std::sqrt(static_cast<double>(one.depth)), -24);
  });
}

BOOST_AUTO_TEST_CASE(a_part_writes_its_matrices_only) {
  if (kernels::isa() != kernels::Isa::avx512) {
    BOOST_TEST_MESSAGE("no AVX-512 here: nothing runs this kernel");
    return;
  }
  // Parts that end at a matrix, and within one that two of them share.
  for (const auto& [heads, rows] :
       std::initializer_list<std::pair<std::int64_t, std::int64_t>>{{3, 20}, {3, 100}, {2, 100}}) {
    const Case one{2, heads, rows, 64, 64, 32, true, false, Mask::none};
    const auto form = form_of(one);
    const auto count = one.batch * one.heads;
    const Operand q{Types::f32, count * one.rows * one.depth, 1};
    const Operand k{Types::f32, count * one.keys * one.depth, 2};
    const Operand v{Types::f32, count * one.keys * one.width, 3};
    const auto work = kernels::attention_f32(form, 3);
    BOOST_REQUIRE(work.count == 3);
    const auto matrices = kernels::attention_f32_matrices(form, work.count);
    BOOST_TEST(matrices.front().first == 0);
    BOOST_TEST(matrices.back().second == count);
    const Aligned scratch{kernels::attention_f32_scratch_bytes(form, 3)};
    for (std::int64_t part = 0; part < work.count; ++part) {
      std::vector<float> result(static_cast<std::size_t>(count * one.rows * one.width), -77);
      const void* const src[] = {q.numbers.data(), k.numbers.data(), v.numbers.data()};
      void* const dst[] = {result.data(), scratch.data()};
      work.run(src, dst, part);
      const auto [first, end] = matrices[static_cast<std::size_t>(part)];
      std::int64_t written = 0;
      for (std::int64_t matrix = 0; matrix < count; ++matrix) {
        const auto* const at = result.data() + form.result.offset(form.batch, matrix);
        for (std::int64_t row = 0; row < one.rows; ++row) {
          const auto changed =
              std::count_if(at + row * form.result.row, at + row * form.result.row + one.width,
                            [](float number) { return number != -77; });
          written += changed;
          BOOST_TEST((changed == 0 || (matrix >= first && matrix < end)));
        }
      }
      BOOST_TEST(written > 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_row_that_sees_nothing_is_no_number_and_its_neighbours_are) {
  if (kernels::isa() != kernels::Isa::avx512) {
    BOOST_TEST_MESSAGE("no AVX-512 here: nothing runs this kernel");
    return;
  }
  constexpr std::int64_t rows = 7;
  constexpr std::int64_t keys = 20;
  auto form = form_of({1, 1, rows, keys, 1, 3, true, false, Mask::full});
  const Operand q{Types::f32, rows, 1};
  const Operand k{Types::f32, keys, 2};
  const Operand v{Types::f32, keys * 3, 3};
  std::vector<float> mask(static_cast<std::size_t>(rows * keys));
  std::fill_n(mask.begin() + 2 * keys, keys, -infinity);
  std::vector<float> result(static_cast<std::size_t>(rows * 3));
  const Aligned scratch{kernels::attention_f32_scratch_bytes(form, 1)};
  const void* const src[] = {q.numbers.data(), k.numbers.data(), v.numbers.data(), mask.data()};
  void* const dst[] = {result.data(), scratch.data()};
  kernels::together(kernels::attention_f32(form, 1))(src, dst);
  for (std::size_t i = 0; i < result.size(); ++i) {
    BOOST_TEST(std::isnan(result[i]) == (i / 3 == 2), i);
  }
}

BOOST_AUTO_TEST_SUITE_END()
