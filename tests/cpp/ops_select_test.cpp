#include <boost/test/unit_test.hpp>
#include <cmath>

#include "one_node.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

BOOST_AUTO_TEST_SUITE(ops_select)

BOOST_AUTO_TEST_CASE(top_k_keeps_the_order_of_equal_elements_and_puts_nan_first) {
  const auto results =
      OneNode("TopK").input(make<float>(Shape{5}, {2, NAN, 3, 2, 3})).input(ints({4})).run(2);
  BOOST_TEST(values<std::int64_t>(results[1].constant) == (Ints{1, 2, 4, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(OneNode("TopK").input(counting(Shape{3})).input(ints({4})).error() ==
             "k is 4, but the axis has 3 elements (TopK 'n')");
  BOOST_TEST(OneNode("TopK").input(counting(Shape{3})).input(ints({-1})).error().find("k is") ==
             0U);
}

BOOST_AUTO_TEST_CASE(split_gives_parts_and_refuses_sums_that_do_not_fit) {
  const auto parts = OneNode("Split").input(counting(Shape{5})).run(2);
  BOOST_TEST(values<float>(parts[0].constant) == (Floats{0, 1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(values<float>(parts[1].constant) == (Floats{3, 4}), boost::test_tools::per_element());
  BOOST_TEST(OneNode("Split", 13)
                 .input(counting(Shape{5}))
                 .input(ints({6}))
                 .error()
                 .find("do not split an axis of 5") != std::string::npos);
  const auto max = std::numeric_limits<std::int64_t>::max();
  OneNode overflow("Split", 13);
  overflow.input(counting(Shape{5})).input(ints({max, max, 7}));
  BOOST_CHECK_THROW(overflow.run(3), Error);
}

BOOST_AUTO_TEST_CASE(pad_refuses_what_overflows_or_cannot_be_reflected) {
  const auto max = std::numeric_limits<std::int64_t>::max();
  const auto pad = [](Ints pads, const char* mode) {
    return OneNode("Pad").input(counting(Shape{3})).input(ints(pads)).set("mode", mode).error();
  };
  BOOST_TEST(pad({max, max}, "constant").find("(Pad 'n')") != std::string::npos);
  BOOST_TEST(pad({-2, -2}, "constant") == "an extent would be -1 (Pad 'n')");
  BOOST_TEST(pad({3, 0}, "reflect") ==
             "3 elements cannot be reflected from an axis of 3 (Pad 'n')");
  BOOST_TEST(pad({1, 0, 0}, "edge") == "3 pads were given for 1 axes (Pad 'n')");
  BOOST_TEST(pad({1, 0}, "mirror").find("the attribute 'mode' is 'mirror'") == 0U);
}

BOOST_AUTO_TEST_CASE(pad_may_remove_and_add_at_once) {
  const auto result = OneNode("Pad").input(counting(Shape{2, 3})).input(ints({-1, 1, 0, -1}));
  BOOST_TEST(values<float>(OneNode(result).value()) == (Floats{0, 3, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(tile_and_range_refuse_giants) {
  BOOST_TEST(OneNode("Tile")
                 .input(counting(Shape{3}))
                 .input(ints({1LL << 62}))
                 .error()
                 .find("is too large (Tile 'n')") != std::string::npos);
  const auto range = [](std::int64_t limit, std::int64_t delta) {
    return OneNode("Range")
        .input(Tensor::scalar<std::int64_t>(-5))
        .input(Tensor::scalar(limit))
        .input(Tensor::scalar(delta))
        .run()[0];
  };
  BOOST_TEST(values<std::int64_t>(range(2, 3).constant) == (Ints{-5, -2, 1}),
             boost::test_tools::per_element());
  BOOST_CHECK_THROW(range(std::numeric_limits<std::int64_t>::max(), 1), Error);
  BOOST_CHECK_THROW(range(3, 0), Error);
  BOOST_TEST(OneNode("Range")
                 .input(Tensor::scalar(0.0F))
                 .input(Tensor::scalar(INFINITY))
                 .input(Tensor::scalar(1.0F))
                 .error() == "the range has no end (Range 'n')");
}

BOOST_AUTO_TEST_CASE(scatter_refuses_an_index_outside) {
  BOOST_TEST(OneNode("ScatterElements")
                 .input(counting(Shape{3}))
                 .input(ints({3}))
                 .input(make<float>(Shape{1}, {1}))
                 .error() ==
             "the index 3 does not lie in an axis of 3 elements (ScatterElements 'n')");
  BOOST_TEST(OneNode("ScatterND")
                 .input(counting(Shape{3}))
                 .input(make<std::int64_t>(Shape{1, 1}, {-4}))
                 .input(make<float>(Shape{1}, {1}))
                 .error() == "the index -4 does not lie in an axis of 3 elements (ScatterND 'n')");
}

BOOST_AUTO_TEST_CASE(one_hot_ignores_indices_outside) {
  const auto result = OneNode("OneHot")
                          .input(make<float>(Shape{4}, {1, -1, 1e30F, NAN}))
                          .input(ints({2}))
                          .input(make<float>(Shape{2}, {0, 5}))
                          .value();
  BOOST_TEST(values<float>(result) == (Floats{0, 5, 0, 5, 0, 0, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
