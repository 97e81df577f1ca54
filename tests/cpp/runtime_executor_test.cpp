#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

BOOST_AUTO_TEST_SUITE(runtime_executor)

BOOST_AUTO_TEST_CASE(inferences_run_on_the_executor_that_the_application_gives) {
  const auto program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "coinfer_given_executor";
  BOOST_REQUIRE(std::filesystem::exists(program));
  BOOST_TEST(std::system(("timeout 120 " + program.string()).c_str()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
