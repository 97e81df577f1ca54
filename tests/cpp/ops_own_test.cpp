// Operators of the domain coinfer, by hand.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "one_node.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

namespace {

OneNode own(const char* type) {
  OneNode node{type, 1};
  node.domain("coinfer");
  return node;
}

Tensor floats(Shape shape, Floats values) {
  return make<float>(std::move(shape), std::move(values));
}
Tensor number(std::int64_t value) { return Tensor::scalar(value); }

void check(const Tensor& tensor, const Floats& expected) {
  const auto found = values<float>(tensor);
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    BOOST_TEST(std::abs(found[i] - expected[i]) <= 1e-5F, i << ": " << found[i]);
  }
}

void check_ints(const Tensor& tensor, const Ints& expected) {
  BOOST_TEST(values<std::int64_t>(tensor) == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_own)

BOOST_AUTO_TEST_CASE(roll_turns_axes_round) {
  const auto roll = [](Ints shifts, Ints axes) {
    return own("Roll").input(counting(Shape{2, 3})).input(ints(shifts)).input(ints(axes));
  };
  check(roll({1}, {1}).value(), {2, 0, 1, 5, 3, 4});
  check(roll({-4, 1}, {-1, 0}).value(), {4, 5, 3, 1, 2, 0});
  BOOST_TEST(roll({1}, {2}).error().find("the axis 2 does not lie") == 0U);
  BOOST_TEST(roll({1, 2, 3}, {0, 1}).error().find("3 shifts were given for 2 axes") == 0U);
}

BOOST_AUTO_TEST_CASE(adaptive_pool_has_windows_of_its_own_width) {
  const auto pool = [](const char* mode) {
    return own("AdaptivePool")
        .input(counting(Shape{1, 1, 5}))
        .input(ints({3}))
        .set("mode", std::string{mode});
  };
  check(pool("average").value(), {0.5F, 2, 3.5F});
  auto max = pool("max");
  const auto results = max.run(2);
  check(results[0].constant, {1, 3, 4});
  check_ints(results[1].constant, {1, 3, 4});
  BOOST_TEST(own("AdaptivePool")
                 .input(counting(Shape{1, 1, 5}))
                 .input(ints({0}))
                 .error()
                 .find("an extent would be 0") == 0U);
}

BOOST_AUTO_TEST_CASE(patches_become_channels) {
  const auto patches = [](const char* rule) {
    return own("ExtractPatches")
        .input(counting(Shape{1, 1, 2, 3}))
        .set("kernel_shape", Ints{1, 2})
        .set("strides", Ints{1, 2})
        .set("auto_pad", std::string{rule});
  };
  check(patches("VALID").value(), {0, 3, 1, 4});
  check(patches("SAME_UPPER").value(), {0, 2, 3, 5, 1, 0, 4, 0});
  check(own("ReorgYolo").input(counting(Shape{1, 4, 2, 2})).set("stride", std::int64_t{2}).value(),
        {0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15});
  BOOST_TEST(own("ReorgYolo")
                 .input(counting(Shape{1, 3, 2, 2}))
                 .set("stride", std::int64_t{2})
                 .error()
                 .find("3 channels do not fit a stride of 2") == 0U);
}

BOOST_AUTO_TEST_CASE(search_sorted_counts_what_lies_before) {
  const auto search = [](std::int64_t right) {
    return own("SearchSorted")
        .input(floats(Shape{4}, {1, 2, 2, 5}))
        .input(floats(Shape{2, 2}, {0, 2, 5, 9}))
        .set("right", right)
        .value();
  };
  check_ints(search(0), {0, 1, 3, 4});
  check_ints(search(1), {0, 3, 4, 4});
}

BOOST_AUTO_TEST_CASE(embedding_bags_are_sums_of_rows) {
  const auto bag = [](Ints rows, Ints offsets, std::int64_t empty) {
    return own("EmbeddingBag")
        .input(counting(Shape{3, 2}))
        .input(ints(rows))
        .input(ints(offsets))
        .input(number(empty));
  };
  check(bag({0, 2, 1}, {0, 2, 2}, 1).value(), {4, 6, 2, 3, 2, 3});
  check(bag({0, 2}, {0, 2}, -1).set("mean", std::int64_t{1}).value(), {2, 3, 0, 0});
  check(bag({0, 2}, {0, 1}, -1).input(floats(Shape{2}, {3, 0.5F})).value(), {0, 3, 2, 2.5F});
  BOOST_TEST(bag({0, 3}, {0}, -1).error().find("the row 3 does not lie in a table of 3") == 0U);
  BOOST_TEST(bag({0, 1}, {1, 0}, -1).error().find("the bag 0 holds the rows 1 to 0") == 0U);
}

BOOST_AUTO_TEST_CASE(ctc_leaves_blanks_and_repetitions_out) {
  const auto decoder = [](std::int64_t merge) {
    // The classes 0 0 2 0 1, of which 2 is blank.
    return own("CtcGreedyDecoder")
        .input(floats(Shape{1, 5, 3}, {1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0}))
        .input(ints({5}))
        .set("merge_repeated", merge);
  };
  auto merged = decoder(1);
  const auto results = merged.run(2);
  check_ints(results[0].constant, {0, 0, 1, -1, -1});
  check_ints(results[1].constant, {3});
  auto all = decoder(0);
  check_ints(all.run(2)[0].constant, {0, 0, 0, 1, -1});
}

BOOST_AUTO_TEST_CASE(non_max_suppression_drops_or_lowers_what_overlaps) {
  const auto select = [](float sigma) {
    return own("NonMaxSuppression")
        .input(floats(Shape{1, 3, 4}, {0, 0, 1, 1, 0, 0, 1, 0.5F, 2, 2, 3, 3}))
        .input(floats(Shape{1, 1, 3}, {0.9F, 0.8F, 0.7F}))
        .input(number(5))
        .input(Tensor::scalar(0.5F))
        .input(Tensor::scalar(0.1F))
        .input(Tensor::scalar(sigma));
  };
  auto hard = select(0);
  const auto results = hard.run(3);
  check_ints(results[0].constant, {0, 0, 0, 0, 0, 2});
  check(results[1].constant, {0, 0, 0.9F, 0, 0, 0.7F});
  check_ints(results[2].constant, {2});
  auto soft = select(0.5F);
  // exp(-0.5 / 0.5 * 0.5²) * 0.8
  check(soft.run(3)[1].constant, {0, 0, 0.9F, 0, 0, 0.7F, 0, 0, 0.623041F});
}

BOOST_AUTO_TEST_CASE(regions_are_sampled_and_pooled) {
  const auto image = counting(Shape{1, 1, 4, 4});
  const auto align = [&](const char* mode, Ints numbers) {
    return own("RoiAlign")
        .input(image)
        .input(floats(Shape{1, 4}, {0.5F, 0.5F, 2.5F, 2.5F}))
        .input(ints(numbers))
        .set("rows", std::int64_t{2})
        .set("columns", std::int64_t{1})
        .set("sampling_ratio", std::int64_t{1})
        .set("aligned_mode", std::string{mode});
  };
  check(align("asymmetric", {0}).value(), {5.5F, 9.5F});
  check(align("half_pixel_for_nn", {0}).value(), {3, 7});
  BOOST_TEST(align("asymmetric", {1}).error().find("the image 1 of region 0 is none of 1") == 0U);
  const auto pool = [&](const char* type, Floats region, std::int64_t bilinear) {
    return own(type)
        .input(image)
        .input(floats(Shape{1, 5}, std::move(region)))
        .set("rows", std::int64_t{1})
        .set("columns", std::int64_t{2})
        .set("bilinear", bilinear);
  };
  check(pool("RoiPooling", {0, 0, 0, 3, 1}, 0).value(), {5, 7});
  check(pool("RoiPooling", {0, 0, 0, 1, 1}, 1).value(), {6, 9});
  check(pool("RoiPooling", {-1, 0, 0, 1, 1}, 1).value(), {0, 0});
  BOOST_TEST(pool("RoiPooling", {7, 0, 0, 1, 1}, 1).error().find("the image 7 of region 0") == 0U);
  BOOST_TEST(pool("PsRoiPooling", {0, 0, 0, 3, 1}, 0).error().find("images of shape") == 0U);
}

BOOST_AUTO_TEST_CASE(prior_boxes_stand_around_each_place) {
  check(own("PriorBox")
            .input(ints({1, 2}))
            .input(ints({10, 20}))
            .set("min_size", Floats{4})
            .set("offset", 0.5F)
            .value(),
        {0.15F, 0.3F, 0.35F, 0.7F, 0.65F, 0.3F, 0.85F, 0.7F,  //
         0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F});
  check(own("PriorBoxClustered")
            .input(ints({1, 1}))
            .input(ints({10, 20}))
            .set("width", Floats{4})
            .set("height", Floats{20})
            .set("offset", 0.5F)
            .value(),
        {0.4F, 0, 0.6F, 1, 0.1F, 0.1F, 0.1F, 0.1F});
  BOOST_TEST(own("PriorBox")
                 .input(ints({1, 1}))
                 .input(ints({10, 10}))
                 .set("fixed_size", Floats{8})
                 .set("fixed_ratio", Floats{1, 2})
                 .set("density", Floats{1})
                 .error()
                 .find("its sizes and ratios ask for 1 boxes at each place and describe 2") == 0U);
}

BOOST_AUTO_TEST_CASE(detections_are_the_best_boxes_of_each_class) {
  check(own("DetectionOutput")
            .input(floats(Shape{1, 8}, Floats(8, 0)))
            .input(floats(Shape{1, 4}, {0.3F, 0.7F, 0.4F, 0.6F}))
            .input(floats(Shape{1, 2, 8}, {0, 0, 0.5F, 0.5F, 0.1F, 0, 0.5F, 0.5F,  //
                                           1, 1, 1, 1, 1, 1, 1, 1}))
            .set("keep_top_k", std::int64_t{3})
            .set("share_location", std::int64_t{1})
            .set("normalized", std::int64_t{1})
            .set("nms_threshold", 0.5F)
            .value(),
        {0, 1, 0.7F, 0, 0, 0.5F, 0.5F, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(fourier_transforms_of_any_length) {
  const auto transform = [](Tensor x, std::int64_t length, std::int64_t inverse) {
    return own("Fourier").input(std::move(x)).input(ints({length})).set("inverse", inverse).value();
  };
  check(transform(floats(Shape{2, 2}, {1, 0, 2, 1}), -1, 0), {3, 1, -1, -1});
  check(transform(floats(Shape{2, 2}, {3, 1, -1, -1}), -1, 1), {1, 0, 2, 1});
  // Filled up: the sums of 1 + w^k.
  const auto root = std::sqrt(0.75F);
  check(transform(floats(Shape{2, 2}, {1, 0, 1, 0}), 3, 0), {2, 0, 0.5F, -root, 0.5F, root});
  for (const std::int64_t length : {1, 4, 6, 7, 12, 30}) {
    const auto x = counting(Shape{length, 2});
    check(transform(transform(x, -1, 0), -1, 1), values<float>(x));
  }
  BOOST_TEST(own("Fourier")
                 .input(counting(Shape{2, 2}))
                 .input(ints({0}))
                 .error()
                 .find("the length is 0") == 0U);
}

BOOST_AUTO_TEST_CASE(an_assumption_that_fails_says_so) {
  const auto assume = [](Ints now) {
    return own("Assume").input(counting(Shape{2})).input(ints(now)).set("expected", Ints{1, 2});
  };
  check(assume({1, 2}).value(), {0, 1});
  BOOST_TEST(assume({1, 3}).error().find("is 1,3 now; the model was read with 1,2") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
