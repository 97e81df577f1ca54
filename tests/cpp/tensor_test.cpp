#include "coinfer/tensor.hpp"

#include <boost/test/unit_test.hpp>

#include "coinfer/error.hpp"

using namespace coinfer;

BOOST_AUTO_TEST_SUITE(tensor)

BOOST_AUTO_TEST_CASE(a_tensor_that_grows_keeps_its_identity_and_the_old_memory_lives) {
  Tensor tensor{ElementType::f32, Shape{2}};
  tensor.data<float>()[1] = 3.0F;
  const Tensor same = tensor;
  const auto old = tensor.memory();
  tensor.set_shape(Shape{1000});
  BOOST_TEST((same == tensor));
  BOOST_TEST(same.size() == 1000);
  BOOST_TEST(reinterpret_cast<const float*>(old->data())[1] == 3.0F);
}

BOOST_AUTO_TEST_CASE(foreign_memory_cannot_grow) {
  float storage[4] = {};
  Tensor tensor{ElementType::f32, Shape{4}, Memory::wrap(storage, sizeof storage, nullptr, false)};
  tensor.set_shape(Shape{2, 2});
  BOOST_CHECK_THROW(tensor.set_shape(Shape{5}), Error);
  BOOST_TEST(tensor.size() == 4);
}

BOOST_AUTO_TEST_CASE(copying_a_region_reads_strided_memory) {
  Tensor whole{ElementType::i32, Shape{3, 4}};
  for (int i = 0; i < 12; ++i) {
    whole.data<std::int32_t>()[i] = i;
  }
  const auto part = whole.roi(Shape{1, 1}, Shape{3, 3});
  Tensor copy{ElementType::i32, Shape{}};
  part.copy_to(copy);
  const std::vector<int> expected{5, 6, 9, 10};
  BOOST_TEST(std::vector<int>(copy.data<std::int32_t>(), copy.data<std::int32_t>() + 4) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_shape_with_too_many_elements_is_refused) {
  BOOST_CHECK_THROW(Shape({1LL << 40, 1LL << 40}).elements(), Error);
  BOOST_CHECK_THROW(Tensor(ElementType::f32, Shape{1LL << 62}), Error);
}

BOOST_AUTO_TEST_CASE(a_tensor_larger_than_the_machine_is_refused_with_its_size) {
  const auto is_named = [](const Error& error) {
    return std::string_view{error.what()}.find("4611686018427387904 bytes") !=
           std::string_view::npos;
  };
  BOOST_CHECK_EXCEPTION(Memory::allocate(std::size_t{1} << 62), Error, is_named);
  BOOST_CHECK_THROW(Memory::allocate(SIZE_MAX), Error);
}

BOOST_AUTO_TEST_CASE(partial_shapes_are_read_and_written_in_the_known_notation) {
  for (const auto* text : {"[1,3,?,1..224]", "[...]", "[]", "[3..]"}) {
    BOOST_TEST(PartialShape::parse(text).to_string() == text);
  }
  BOOST_CHECK_THROW(PartialShape::parse("[1,x]"), Error);
  BOOST_CHECK_THROW(PartialShape::parse("[1,]"), Error);
}

BOOST_AUTO_TEST_SUITE_END()
