// Steps that are started together: which ones, and that they compute what they compute apart.
#include "kernels/panel_conv.hpp"
#include "kernels/parallel.hpp"
#include "plan/sections.hpp"
#include "plan/step.hpp"
#include "reference.hpp"

using namespace coinfer;
using plan::Argument;
using plan::Buffer;
using plan::Reach;
using plan::Step;

namespace {

constexpr Buffer x{Buffer::Kind::scratch, 0};
constexpr Buffer y{Buffer::Kind::scratch, 1};
constexpr Buffer z{Buffer::Kind::scratch, 2};

/// Of two parts.
const Reach halves_of_rows{64, {{0, 32}, {32, 64}}};
const Reach halves{0, {{0, 512}, {512, 1024}}};

Argument argument(Buffer buffer, Reach reach = {}, std::int64_t offset = 0) {
  return {0, {}, buffer, offset, std::move(reach)};
}

/// A step in `parts`; a kernel as a whole when there are none.
std::unique_ptr<Step> step(std::vector<Argument> sources, std::vector<Argument> destinations,
                           std::int64_t parts = 2) {
  auto made = std::make_unique<Step>();
  made->sources = sources.size();
  made->arguments = std::move(sources);
  std::move(destinations.begin(), destinations.end(), std::back_inserter(made->arguments));
  if (parts == 0) {
    made->kernel = [](const void* const*, void* const*) {};
  } else {
    made->parts = {parts, [](const void* const*, void* const*, std::int64_t) {}};
  }
  return made;
}

/// The two steps are one section.
bool are_together(std::unique_ptr<Step> first, std::unique_ptr<Step> second) {
  std::vector<std::unique_ptr<Step>> steps;
  steps.push_back(std::move(first));
  steps.push_back(std::move(second));
  return plan::find_sections(steps).size() == 1;
}

struct Layers {
  std::int64_t rows = 16;
  std::int64_t batch = 1;
  int layers = 2;
  bool masked = true;
};

constexpr std::int64_t width = 384;
constexpr std::int64_t heads = 12;

/// Encoder layers as of sentence transformers.
void add_layers(reference::Network& network, const Layers& form) {
  using reference::attributes;
  using reference::Integers;
  const auto product = [&](graph::ValueId from, std::int64_t in, std::int64_t out) {
    const auto result = network.add("MatMul", {from, network.constant({in, out}, -0.1F, 0.1F)});
    return network.add("Add", {network.constant({out}), result});
  };
  const auto normal = [&](graph::ValueId from) {
    return network.add("LayerNormalization",
                       {from, network.constant({width}, 0.5F, 1), network.constant({width})});
  };
  const auto split = [&](graph::ValueId from, const Integers& order) {
    const auto apart =
        network.add("Reshape", {from, network.integers({form.batch, form.rows, heads, 32})});
    return network.add("Transpose", {apart}, attributes({{"perm", order}}));
  };
  auto now = normal(network.input({form.batch, form.rows, width}));
  const auto mask = network.input({form.batch, 1, 1, form.rows}, -9, 0);
  for (int layer = 0; layer < form.layers; ++layer) {
    const auto q = split(product(now, width, width), {0, 2, 1, 3});
    const auto k = split(product(now, width, width), {0, 2, 3, 1});
    const auto v = split(product(now, width, width), {0, 2, 1, 3});
    auto scores = network.add("Mul", {network.add("MatMul", {q, k}), network.scalar(0.2F)});
    if (form.masked) {
      scores = network.add("Add", {scores, mask});
    }
    const auto weights = network.add("Softmax", {scores}, attributes({{"axis", std::int64_t{-1}}}));
    const auto mixed = network.add("Transpose", {network.add("MatMul", {weights, v})},
                                   attributes({{"perm", Integers{0, 2, 1, 3}}}));
    const auto joined =
        network.add("Reshape", {mixed, network.integers({form.batch, form.rows, width})});
    now = normal(network.add("Add", {product(joined, width, width), now}));
    const auto wide = network.add("Gelu", {product(now, width, 2 * width)});
    now = normal(network.add("Add", {product(wide, 2 * width, width), now}));
  }
  network.output(network.add("Mul", {now, network.scalar(0.5F)}));
}

bool are_equal(const Tensor& a, const Tensor& b) {
  return a.byte_size() == b.byte_size() && std::memcmp(a.data(), b.data(), a.byte_size()) == 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_sections)

BOOST_AUTO_TEST_CASE(steps_that_only_read_the_same_are_together) {
  BOOST_TEST(are_together(step({argument(x)}, {argument(y)}), step({argument(x)}, {argument(z)})));
}

BOOST_AUTO_TEST_CASE(a_part_may_read_what_it_wrote) {
  for (const auto& reach : {halves_of_rows, halves}) {
    BOOST_TEST(are_together(step({argument(x)}, {argument(y, reach)}),
                            step({argument(y, reach)}, {argument(z)})));
    // And write what it read, or wrote.
    BOOST_TEST(are_together(step({argument(x, reach)}, {argument(y)}),
                            step({argument(z)}, {argument(x, reach)})));
    BOOST_TEST(are_together(step({argument(x)}, {argument(z, reach)}),
                            step({argument(y)}, {argument(z, reach)})));
  }
}

BOOST_AUTO_TEST_CASE(no_part_touches_what_another_one_writes) {
  // Reads all of it, by name or because nothing is known.
  BOOST_TEST(!are_together(step({argument(x)}, {argument(y, halves_of_rows)}),
                           step({argument(y)}, {argument(z)})));
  const Reach all{0, {{0, 1024}, {0, 1024}}};
  BOOST_TEST(!are_together(step({argument(x)}, {argument(y, halves)}),
                           step({argument(y, all)}, {argument(z)})));
  // Writes over what others still read.
  BOOST_TEST(!are_together(step({argument(x)}, {argument(y)}),
                           step({argument(z)}, {argument(x, halves)})));
  BOOST_TEST(!are_together(step({argument(x, halves)}, {argument(y)}),
                           step({argument(z)}, {argument(x)})));
  // One byte too many.
  const Reach more{64, {{0, 33}, {33, 64}}};
  BOOST_TEST(!are_together(step({argument(x)}, {argument(y, halves_of_rows)}),
                           step({argument(y, more)}, {argument(z)})));
}

BOOST_AUTO_TEST_CASE(rows_are_compared_from_where_they_begin) {
  const auto written = [] { return step({argument(x)}, {argument(y, halves_of_rows)}); };
  const auto read_at = [](std::int64_t offset, const Reach& reach) {
    return step({argument(y, reach, offset)}, {argument(z)});
  };
  BOOST_TEST(are_together(written(), read_at(128, halves_of_rows)), "whole rows further on");
  BOOST_TEST(!are_together(written(), read_at(32, halves_of_rows)), "half a row further on");
  const Reach quarters{64, {{0, 16}, {32, 48}}};
  BOOST_TEST(are_together(written(), read_at(16, quarters)));
  BOOST_TEST(!are_together(written(), read_at(24, quarters)));
  const Reach wider{128, {{0, 32}, {32, 64}}};
  BOOST_TEST(!are_together(written(), read_at(0, wider)), "rows of another length");
  BOOST_TEST(!are_together(written(), read_at(0, halves)), "no rows");
}

BOOST_AUTO_TEST_CASE(parts_are_as_many_or_the_steps_stay_apart) {
  BOOST_TEST(
      !are_together(step({argument(x)}, {argument(y)}, 2), step({argument(x)}, {argument(z)}, 3)));
  BOOST_TEST(
      !are_together(step({argument(x)}, {argument(y)}, 0), step({argument(x)}, {argument(z)}, 0)));
  BOOST_TEST(
      !are_together(step({argument(x)}, {argument(y)}, 2), step({argument(x)}, {argument(z)}, 0)));
}

BOOST_AUTO_TEST_CASE(all_steps_of_a_section_are_looked_at) {
  std::vector<std::unique_ptr<Step>> steps;
  steps.push_back(step({argument(x)}, {argument(y, halves)}));
  steps.push_back(step({argument(x)}, {argument(z, halves)}));
  steps.push_back(step({argument(y)}, {argument({Buffer::Kind::output, 0})}));
  steps.push_back(step({argument(x)}, {argument({Buffer::Kind::output, 1})}));
  const auto sections = plan::find_sections(steps);
  BOOST_REQUIRE(sections.size() == 2);
  BOOST_TEST(sections[0].end == 2);
  BOOST_TEST(sections[1].first == 2);
  BOOST_TEST(sections[1].end == 4);
}

BOOST_AUTO_TEST_CASE(memory_of_a_section_is_alive_from_its_begin_to_its_end) {
  // x and z would be one place if the steps ran apart.
  for (const bool together : {false, true}) {
    std::vector<std::unique_ptr<Step>> steps;
    const Reach reach = together ? halves : Reach{};
    steps.push_back(step({argument({Buffer::Kind::input, 0})}, {argument(x, reach)}));
    steps.push_back(step({argument(x, reach)}, {argument(y, reach)}));
    steps.push_back(step({argument(y, reach)}, {argument(z, reach)}));
    const auto sections = plan::find_sections(steps);
    BOOST_TEST(sections.size() == (together ? 1U : 3U));
    const std::int64_t bytes[] = {1024, 1024, 1024};
    BOOST_TEST(plan::plan_memory(steps, sections, bytes) == (together ? 3U : 2U) * 1024);
  }
}

BOOST_AUTO_TEST_CASE(a_layer_of_few_rows_is_started_four_times) {
  if (!kernels::has_panel_conv()) {
    BOOST_TEST_MESSAGE("no AVX-512 here: nothing has parts");
    return;
  }
  reference::Network network;
  add_layers(network, {});
  passes::optimise(network.graph);
  const auto plan = network.build(network.graph, 2);
  // Normalisation, queries, keys, values and attention; the product behind it; normalisation and
  // the first wide product; the second one. At last a normalisation and the multiplication.
  BOOST_TEST(plan->step_infos().size() == 20);
  BOOST_TEST(plan->sections().size() == 10);
  BOOST_TEST(network.build(network.graph, 1)->sections().size() == 20);
}

BOOST_AUTO_TEST_CASE(layers_compute_what_the_plain_kernels_say) {
  for (const auto& form : {Layers{}, Layers{7, 1, 2, false}, Layers{13, 2, 1, true},
                           Layers{24, 1, 1, true}, Layers{60, 1, 1, false}}) {
    for (const int threads : {1, 2, 3, 4, 6}) {
      reference::Network network;
      add_layers(network, form);
      passes::optimise(network.graph);
      BOOST_TEST_CONTEXT(form.batch << " x " << form.rows << " rows, " << threads << " threads") {
        kernels::Arena arena{threads};
        arena.execute([&] { BOOST_TEST(network.error_of(network.graph, threads) < 1e-4); });
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(steps_together_and_apart_compute_the_same_bits) {
  reference::Network network;
  add_layers(network, {});
  passes::optimise(network.graph);
  kernels::Arena arena{2};
  arena.execute([&] {
    const auto plan = network.build(network.graph, 2);
    plan::StepTimes times;
    const auto apart = network.run(plan, &times);
    BOOST_TEST(times.size() == plan->step_infos().size());
    for (int run = 0; run < 20; ++run) {
      BOOST_TEST(are_equal(network.run(plan)[0], apart[0]));
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
