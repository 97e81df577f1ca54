#include <boost/test/unit_test.hpp>
#include <chrono>

#include "coinfer/error.hpp"
#include "ir_models.hpp"
#include "mutation.hpp"
#include "passes/passes.hpp"

using namespace coinfer;
using namespace coinfer::test;

namespace {

/// Gives attributes other values: numbers at limits, or what stands elsewhere in the text.
std::string mutate_values(std::string xml, std::mt19937& random) {
  static const std::array<std::string, 12> values{"0",
                                                  "-1",
                                                  "1",
                                                  "2",
                                                  "-9223372036854775808",
                                                  "9223372036854775807",
                                                  "17",
                                                  "",
                                                  "x",
                                                  "4611686018427387904,8",
                                                  "boolean",
                                                  "i64"};
  const auto rounds = 1 + random() % 2;
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::pair<std::size_t, std::size_t>> quoted;  // begin and length of each value
    for (std::size_t at = xml.find('"'); at != std::string::npos; at = xml.find('"', at + 1)) {
      const auto end = xml.find('"', at + 1);
      if (end == std::string::npos) {
        break;
      }
      quoted.emplace_back(at + 1, end - at - 1);
      at = end;
    }
    const auto [at, length] = quoted[random() % quoted.size()];
    const auto [from, size] = quoted[random() % quoted.size()];
    xml.replace(at, length,
                random() % 2 == 0 ? values[random() % values.size()] : xml.substr(from, size));
  }
  return xml;
}

struct Counts {
  int optimised = 0;
  int refused = 0;
};

void read_and_optimise(const std::string& xml, const std::string& weights, Counts& counts) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    const auto graph = read_ir(xml, weights);
    passes::optimise(*graph);
    ++counts.optimised;
  } catch (const Error&) {
    ++counts.refused;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  BOOST_REQUIRE_MESSAGE(taken.count() < 5.0, "took " << taken.count() << " s: " << xml);
}

}  // namespace

// Only coinfer::Error may come out. A crash or any other exception ends the test; the same seed
// gives the same cases on every machine.
BOOST_AUTO_TEST_SUITE(frontends_ir_mutation)

BOOST_AUTO_TEST_CASE(thousands_of_damaged_texts_give_a_model_or_an_error) {
  std::mt19937 random{11};
  for (const auto make : {ir_loops, ir_layers}) {
    IrWeights weights;
    const auto base = make(weights);
    passes::optimise(*read_ir(base, weights.bytes()));
    Counts bytes;
    Counts values;
    for (int i = 0; i < 2000; ++i) {
      read_and_optimise(mutate(base, base, random), weights.bytes(), bytes);
      read_and_optimise(mutate_values(base, random), weights.bytes(), values);
    }
    // Were all refused, or none, the mutations would test nothing.
    BOOST_TEST(bytes.refused > 500);
    BOOST_TEST(values.refused > 500);
    BOOST_TEST(values.optimised > 50);
  }
}

BOOST_AUTO_TEST_CASE(thousands_of_damaged_weights_give_a_model_or_an_error) {
  std::mt19937 random{12};
  for (const auto make : {ir_loops, ir_layers}) {
    IrWeights weights;
    const auto base = make(weights);
    Counts counts;
    for (int i = 0; i < 1000; ++i) {
      read_and_optimise(base, mutate(weights.bytes(), weights.bytes(), random), counts);
    }
    BOOST_TEST(counts.optimised > 50);
    BOOST_TEST(counts.refused > 50);
  }
}

BOOST_AUTO_TEST_SUITE_END()
