#include <boost/test/unit_test.hpp>
#include <cmath>

#include "one_node.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

namespace {

OneNode resize(Tensor x, Floats scales) {
  const auto count = static_cast<std::int64_t>(scales.size());
  OneNode node{"Resize"};
  node.input(std::move(x)).no_input().input(make<float>(Shape{count}, std::move(scales)));
  return node;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_resample)

BOOST_AUTO_TEST_CASE(resize_repeats_or_interpolates) {
  BOOST_TEST(
      values<float>(resize(counting(Shape{1, 3}), {1, 2}).value()) == (Floats{0, 0, 1, 1, 2, 2}),
      boost::test_tools::per_element());
  BOOST_TEST(values<float>(resize(counting(Shape{1, 2}), {1, 2}).set("mode", "linear").value()) ==
                 (Floats{0, 0.25F, 0.75F, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(resize_takes_opset_10_and_upsample_too) {
  BOOST_TEST(values<float>(OneNode("Upsample", 7)
                               .input(counting(Shape{1, 2}))
                               .set("scales", Floats{2, 2})
                               .value()) == (Floats{0, 0, 1, 1, 0, 0, 1, 1}),
             boost::test_tools::per_element());
  BOOST_TEST(values<float>(OneNode("Resize", 10)
                               .input(counting(Shape{3}))
                               .input(make<float>(Shape{1}, {2}))
                               .set("mode", "linear")
                               .value()) == (Floats{0, 0.5F, 1, 1.5F, 2, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(resize_refuses_scales_that_cannot_be) {
  for (const float scale : {0.0F, -1.0F, NAN, INFINITY, 1e30F}) {
    BOOST_TEST(resize(counting(Shape{2}), {scale}).error().find("a scale or size is") == 0U);
  }
  BOOST_TEST(resize(counting(Shape{2}), {1, 1}).error() ==
             "2 scales or sizes were given for 1 axes (Resize 'n')");
  BOOST_TEST(resize(counting(Shape{2}), {2})
                 .set("mode", "best")
                 .error()
                 .find("the attribute 'mode' is 'best'") == 0U);
  BOOST_TEST(resize(Tensor{ElementType::f32, Shape{0}}, {2}).value().size() == 0);
}

BOOST_AUTO_TEST_CASE(normalisation_checks_its_scale_and_bias) {
  BOOST_TEST(OneNode("InstanceNormalization")
                 .input(counting(Shape{1, 2, 3}))
                 .input(counting(Shape{3}))
                 .input(counting(Shape{2}))
                 .error() ==
             "the input 1 has the shape [3]; [2] was expected (InstanceNormalization 'n')");
  BOOST_TEST(OneNode("GroupNormalization", 21)
                 .input(counting(Shape{1, 3, 3}))
                 .input(counting(Shape{3}))
                 .input(counting(Shape{3}))
                 .set("num_groups", std::int64_t{2})
                 .error()
                 .find("the attribute 'num_groups' is 2") == 0U);
}

BOOST_AUTO_TEST_CASE(quantisation_saturates_and_checks_its_scale) {
  const auto quantized = OneNode("QuantizeLinear")
                             .input(make<float>(Shape{4}, {NAN, 1e30F, -5, 2.5F}))
                             .input(make<float>(Shape{}, {1}))
                             .value();
  BOOST_TEST(values<std::uint8_t>(quantized) == (std::vector<std::uint8_t>{0, 255, 0, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(OneNode("DequantizeLinear")
                 .input(counting<std::uint8_t>(Shape{2, 3}))
                 .input(counting(Shape{2}))
                 .error()
                 .find("the scale of shape [2] does not fit data of shape [2,3]") == 0U);
}

BOOST_AUTO_TEST_CASE(shapes_that_depend_on_values_are_open_until_the_values_are_known) {
  const auto open = OneNode("NonZero").input(ElementType::f32, "[2,3]").run()[0];
  BOOST_TEST(open.shape.to_string() == "[2,?]");
  BOOST_TEST(!open.constant);
  const auto known = OneNode("NonZero").input(make<bool>(Shape{3}, {true, false, true})).value();
  BOOST_TEST(values<std::int64_t>(known) == (Ints{0, 2}), boost::test_tools::per_element());
  const auto parts = OneNode("Unique")
                         .input(make<float>(Shape{4}, {2, 1, 2, 3}))
                         .set("sorted", std::int64_t{0})
                         .run(4);
  BOOST_TEST(values<float>(parts[0].constant) == (Floats{2, 1, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(values<std::int64_t>(parts[3].constant) == (Ints{2, 1, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
