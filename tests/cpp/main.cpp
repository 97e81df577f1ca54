#define BOOST_TEST_MODULE coinfer
#include <boost/make_shared.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>
#include <optional>

#include "live.hpp"

namespace {

namespace unit_test = boost::unit_test;

/// Around each test case: what it makes is gone at its end.
class NothingStaysOfTheTest : public unit_test::test_unit_fixture {
 public:
  void setup() override { guard_.emplace(); }
  void teardown() override { guard_.reset(); }

 private:
  std::optional<coinfer::testing::NothingStays> guard_;
};

struct EachTestCase : unit_test::test_tree_visitor {
  void visit(const unit_test::test_case& test) override {
    auto& fixtures = unit_test::framework::get<unit_test::test_case>(test.p_id).p_fixtures.value;
    fixtures.push_back(boost::make_shared<NothingStaysOfTheTest>());
  }
};

struct EveryTest {
  EveryTest() {
    EachTestCase each;
    unit_test::traverse_test_tree(unit_test::framework::master_test_suite(), each, true);
  }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(EveryTest);
