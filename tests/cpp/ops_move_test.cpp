#include <boost/test/unit_test.hpp>

#include "one_node.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

#define CHECK_VALUES(tensor, T, ...)                                                           \
  do {                                                                                         \
    const auto came = values<T>(tensor);                                                       \
    const std::vector<T> expected __VA_ARGS__;                                                 \
    BOOST_CHECK_EQUAL_COLLECTIONS(came.begin(), came.end(), expected.begin(), expected.end()); \
  } while (false)

BOOST_AUTO_TEST_SUITE(ops_move)

BOOST_AUTO_TEST_CASE(slice_takes_numpys_spans) {
  const auto slice = [](Ints begin, Ints end, Ints axes, Ints steps) {
    return OneNode{"Slice"}
        .input(counting(Shape{3, 4}))
        .input(ints(begin))
        .input(ints(end))
        .input(ints(axes))
        .input(ints(steps))
        .value();
  };
  CHECK_VALUES(slice({1}, {3}, {0}, {1}), float, {4, 5, 6, 7, 8, 9, 10, 11});
  CHECK_VALUES(slice({-1}, {std::numeric_limits<std::int64_t>::min()}, {1}, {-2}), float,
               {3, 1, 7, 5, 11, 9});
  CHECK_VALUES(slice({0, 1}, {2, 1000}, {-2, -1}, {1, 2}), float, {1, 3, 5, 7});
  BOOST_TEST(slice({2}, {1}, {0}, {1}).shape().to_string() == "[0,4]");
  BOOST_TEST(slice({1}, {0}, {0}, {std::numeric_limits<std::int64_t>::min()}).size() == 4);
}

BOOST_AUTO_TEST_CASE(slice_reads_attributes_before_opset_10) {
  CHECK_VALUES(OneNode("Slice", 9)
                   .input(counting(Shape{4}))
                   .set("starts", Ints{1})
                   .set("ends", Ints{3})
                   .value(),
               float, {1, 2});
}

BOOST_AUTO_TEST_CASE(slice_keeps_what_it_does_not_touch_dynamic_or_not) {
  BOOST_TEST(OneNode("Slice")
                 .input(ElementType::f32, "[?,3,8]")
                 .input(ints({0, 1}))
                 .input(ints({0x7fffffffffffffff, 2}))
                 .input(ints({0, 1}))
                 .shape() == "[?,1,8]");
}

BOOST_AUTO_TEST_CASE(slice_refuses_what_cannot_be) {
  const auto error = [](Ints begin, Ints end, Ints axes, Ints steps) {
    return OneNode{"Slice"}
        .input(counting(Shape{3, 4}))
        .input(ints(begin))
        .input(ints(end))
        .input(ints(axes))
        .input(ints(steps))
        .error();
  };
  BOOST_TEST(error({1}, {2}, {2}, {1}) ==
             "the axis 2 does not lie in a tensor of rank 2 (Slice 'n')");
  BOOST_TEST(error({1}, {2}, {0}, {0}) == "a step is 0 (Slice 'n')");
  BOOST_TEST(error({1, 1}, {2, 2}, {0, -2}, {1, 1}) == "the axis 0 is given twice (Slice 'n')");
  BOOST_TEST(error({1, 1}, {2}, {0}, {1}).find("2 starts, 1 ends") == 0U);
}

BOOST_AUTO_TEST_CASE(gather_takes_rows_columns_and_negative_indices) {
  CHECK_VALUES(OneNode("Gather").input(counting(Shape{3, 2})).input(ints({2, -3})).value(), float,
               {4, 5, 0, 1});
  CHECK_VALUES(OneNode("Gather")
                   .input(counting(Shape{2, 3}))
                   .input(make<std::int32_t>(Shape{}, {1}))
                   .set("axis", std::int64_t{-1})
                   .value(),
               float, {1, 4});
}

BOOST_AUTO_TEST_CASE(gather_refuses_an_index_outside) {
  for (const auto index : {3LL, -4LL, 1LL << 62}) {
    BOOST_TEST(
        OneNode("Gather").input(counting(Shape{3, 2})).input(ints({index})).error() ==
        fmt::format("the index {} does not lie in an axis of 3 elements (Gather 'n')", index));
  }
}

BOOST_AUTO_TEST_CASE(expand_repeats_extents_of_one) {
  CHECK_VALUES(OneNode("Expand").input(counting(Shape{2, 1})).input(ints({2, 1, 3})).value(), float,
               {0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1});
  CHECK_VALUES(OneNode("Expand").input(counting(Shape{1, 3})).input(ints({2, 1})).value(), float,
               {0, 1, 2, 0, 1, 2});
  BOOST_TEST(OneNode("Expand").input(ElementType::f32, "[?,1]").input(ints({1, 4})).shape() ==
             "[?,4]");
  BOOST_TEST(OneNode("Expand").input(counting(Shape{2})).input(ints({3})).error() ==
             "the shapes [2] and [3] do not broadcast (Expand 'n')");
  BOOST_TEST(OneNode("Expand")
                 .input(counting(Shape{1}))
                 .input(ints({1LL << 40, 1LL << 40}))
                 .error()
                 .find("more elements than can be counted (Expand 'n')") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_giant_from_a_tiny_file_is_not_folded) {
  const auto giant =
      OneNode("ConstantOfShape").input(ints({1LL << 32})).run()[0];  // 16 GiB of floats
  BOOST_TEST(!giant.constant);
  BOOST_TEST(giant.shape.to_string() == "[4294967296]");
  const auto weights = OneNode("ConstantOfShape").input(ints({1 << 20})).run()[0];
  BOOST_TEST(static_cast<bool>(weights.constant));
}

BOOST_AUTO_TEST_CASE(where_chooses_and_broadcasts) {
  const auto condition = make<bool>(Shape{2, 1}, {true, false});
  CHECK_VALUES(OneNode("Where")
                   .input(condition)
                   .input(counting(Shape{3}))
                   .input(make<float>(Shape{}, {9}))
                   .value(),
               float, {0, 1, 2, 9, 9, 9});
  CHECK_VALUES(OneNode("Where")
                   .input(make<bool>(Shape{3}, {true, false, true}))
                   .input(counting<std::int64_t>(Shape{2, 3}))
                   .input(ints({-1}))
                   .value(),
               std::int64_t, {0, -1, 2, 3, -1, 5});
}

BOOST_AUTO_TEST_CASE(cast_saturates_reals_and_wraps_integers) {
  const auto cast = [](Tensor tensor, std::int64_t to) {
    return OneNode("Cast").input(std::move(tensor)).set("to", to).value();
  };
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK_VALUES(cast(make<float>(Shape{5}, {1.9F, -1.9F, infinity, -infinity, NAN}), 7),
               std::int64_t,
               {1, -1, std::numeric_limits<std::int64_t>::max(),
                std::numeric_limits<std::int64_t>::min(), 0});
  CHECK_VALUES(cast(make<float>(Shape{2}, {3e9F, 2147483520.0F}), 6), std::int32_t,
               {2147483647, 2147483520});
  CHECK_VALUES(cast(ints({-1, 256}), 2), std::uint8_t, {255, 0});
  CHECK_VALUES(cast(make<float>(Shape{3}, {0.5F, 0.0F, NAN}), 9), bool, {true, false, true});
  BOOST_TEST(OneNode("Cast").input(ints({1})).set("to", std::int64_t{17}).error() ==
             "a cast to ONNX's data type 17 is not supported (Cast 'n')");
  BOOST_TEST(OneNode("Cast").input(ints({1})).set("to", 1.0F).error() ==
             "the attribute 'to' is not an integer (Cast 'n')");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ops_reduce)

BOOST_AUTO_TEST_CASE(reduce_walks_any_axes) {
  const auto sum = [](Ints axes) {
    return OneNode("ReduceSum").input(counting(Shape{2, 3, 4})).input(ints(axes)).value();
  };
  CHECK_VALUES(sum({2}), float, {6, 22, 38, 54, 70, 86});
  CHECK_VALUES(sum({1}), float, {12, 15, 18, 21, 48, 51, 54, 57});
  CHECK_VALUES(sum({0, -1}), float, {60, 92, 124});
  CHECK_VALUES(sum({}), float, {276});
  BOOST_TEST(sum({0, 2}).shape().to_string() == "[1,3,1]");
}

BOOST_AUTO_TEST_CASE(reduce_agrees_with_a_plain_loop_on_long_rows_and_blocks) {
  for (const std::int64_t rows : {1, 3, 17}) {
    for (const std::int64_t columns : {1, 15, 16, 33, 600}) {
      const auto x = counting(Shape{rows, columns});
      const auto by_row = OneNode("ReduceMean", 13).input(x).set("axes", Ints{1}).value();
      const auto by_column = OneNode("ReduceMax", 13).input(x).set("axes", Ints{0}).value();
      for (std::int64_t row = 0; row < rows; ++row) {
        BOOST_TEST(by_row.data<float>()[row] ==
                       static_cast<float>(row * columns) + static_cast<float>(columns - 1) / 2,
                   boost::test_tools::tolerance(1e-6F));
      }
      for (std::int64_t column = 0; column < columns; ++column) {
        BOOST_TEST(by_column.data<float>()[column] ==
                   static_cast<float>((rows - 1) * columns + column));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(reduce_keeps_its_word_on_integers_nans_and_empty_rows) {
  CHECK_VALUES(OneNode("ReduceMean").input(ints({-3, -4})).value(), std::int64_t, {-3});
  CHECK_VALUES(OneNode("ReduceL1").input(ints({-3, 4})).value(), std::int64_t, {7});
  CHECK_VALUES(OneNode("ReduceSum").input(Tensor{ElementType::f32, Shape{0}}).value(), float, {0});
  const auto max = OneNode("ReduceMax").input(make<float>(Shape{3}, {1, NAN, 2})).value();
  BOOST_TEST(std::isnan(max.data<float>()[0]));
  CHECK_VALUES(OneNode("ReduceLogSumExp").input(make<float>(Shape{1}, {1000})).value(), float,
               {1000});
  BOOST_TEST(OneNode("ReduceSum").input(ElementType::f32, "[?,4]").input(ints({1})).shape() ==
             "[?,1]");
  BOOST_TEST(OneNode("ReduceSum").input(counting(Shape{2})).input(ints({0, -1})).error() ==
             "an axis is given twice (ReduceSum 'n')");
}

BOOST_AUTO_TEST_SUITE_END()
