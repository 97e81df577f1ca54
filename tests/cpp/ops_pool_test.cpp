#include <boost/test/unit_test.hpp>

#include "onnx_models.hpp"
#include "passes/passes.hpp"

using namespace coinfer;
using namespace coinfer::test;

namespace {

/// An average over a constant [1,1,1,4] = 1, 2, 3, 4 with padding as automatic; folded.
Tensor folded_average(std::int64_t width) {
  auto model = empty_model(19);
  auto* graph = model.mutable_graph();
  add_weights(graph, "x", {1, 1, 1, 4}, {1, 2, 3, 4});
  auto* node = add_node(graph, "AveragePool", {"x"}, {"y"}, "pool");
  node->set_domain("");
  auto* kernel = node->add_attribute();
  kernel->set_name("kernel_shape");
  kernel->set_type(pb::AttributeProto::INTS);
  kernel->add_ints(1);
  kernel->add_ints(width);
  auto* pad = node->add_attribute();
  pad->set_name("auto_pad");
  pad->set_type(pb::AttributeProto::STRING);
  pad->set_s("SAME_UPPER");
  graph->add_output()->set_name("y");
  const auto read_back = read(model);
  passes::optimise(*read_back);
  return (*read_back)[read_back->outputs[0]].constant;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_pool)

BOOST_AUTO_TEST_CASE(an_average_counts_what_lies_inside) {
  const auto y = folded_average(3);
  const std::vector<float> expected{1.5F, 2, 3, 3.5F};
  BOOST_TEST(std::vector<float>(y.data<float>(), y.data<float>() + 4) == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_window_far_larger_than_its_input_takes_no_time) {
  const auto begin = std::chrono::steady_clock::now();
  const auto y = folded_average(std::int64_t{1} << 31);
  BOOST_TEST(y.data<float>()[0] == 2.5F);
  BOOST_TEST(y.data<float>()[3] == 2.5F);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  BOOST_TEST(taken.count() < 1.0);
  CHECK_TEXT(message_of([] { folded_average((std::int64_t{1} << 31) + 1); }),
             "kernel_shape has the extent 2147483649");
}

BOOST_AUTO_TEST_SUITE_END()
