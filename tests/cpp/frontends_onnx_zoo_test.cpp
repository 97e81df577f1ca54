#include <boost/test/unit_test.hpp>

#include "onnx_models.hpp"

using namespace coinfer;
using namespace coinfer::test;

BOOST_AUTO_TEST_SUITE(frontends_onnx_zoo)

BOOST_AUTO_TEST_CASE(all_networks_of_the_onnx_package_are_read) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{onnx_test_data / "light"}) {
    if (entry.path().extension() != ".onnx") {
      continue;
    }
    BOOST_TEST_CONTEXT(entry.path().filename()) {
      const auto graph = frontends::read_file(entry.path());
      ++count;
      BOOST_REQUIRE(graph->outputs.size() == 1);
      const auto& output = (*graph)[graph->outputs[0]];
      BOOST_TEST((output.type == ElementType::f32));
      BOOST_TEST(output.shape.to_shape().elements() == 1000);
      // Their initialisers are listed among the inputs; only the image is one.
      const auto image = std::count_if(graph->inputs.begin(), graph->inputs.end(),
                                       [&](auto id) { return (*graph)[id].shape.rank() == 4; });
      BOOST_TEST(image == 1);
    }
  }
  BOOST_TEST(count == 9);
}

BOOST_AUTO_TEST_SUITE_END()
