#include <boost/test/unit_test.hpp>
#include <thread>

#include "coinfer/completion.hpp"
#include "coinfer/error.hpp"

using namespace coinfer;

namespace {

struct Recorder : Continuation {
  std::vector<int>* order;
  int id;
  Outcome::Kind kind{};
  Recorder(std::vector<int>* list, int number) : order{list}, id{number} {
    fire = [](Continuation* self, const Outcome& outcome) noexcept {
      auto& mine = *static_cast<Recorder*>(self);
      mine.kind = outcome.kind;
      mine.order->push_back(mine.id);
    };
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_completion)

BOOST_AUTO_TEST_CASE(continuations_fire_once_in_the_order_they_were_attached) {
  Completion completion;
  std::vector<int> order;
  Recorder first{&order, 1};
  Recorder second{&order, 2};
  BOOST_TEST(completion.attach(first));
  BOOST_TEST(completion.attach(second));
  completion.complete({Outcome::Kind::failed, std::make_exception_ptr(Error{"x"})});
  BOOST_TEST(order == (std::vector<int>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST((second.kind == Outcome::Kind::failed));
  BOOST_TEST(completion.done());
}

BOOST_AUTO_TEST_CASE(attaching_after_the_end_is_refused_and_the_outcome_is_there) {
  Completion completion;
  completion.complete({Outcome::Kind::cancelled, std::make_exception_ptr(Cancelled{})});
  std::vector<int> order;
  Recorder late{&order, 1};
  BOOST_TEST(!completion.attach(late));
  BOOST_CHECK_THROW(completion.outcome().get(), Cancelled);
  BOOST_TEST(order.empty());
}

BOOST_AUTO_TEST_CASE(no_continuation_is_lost_when_attaching_races_with_the_end) {
  for (int round = 0; round < 2000; ++round) {
    Completion completion;
    std::atomic<int> fired{0};
    struct Counter : Continuation {
      std::atomic<int>* count;
    };
    std::array<Counter, 4> waiters;
    std::atomic<int> refused{0};
    std::thread attacher{[&] {
      for (auto& waiter : waiters) {
        waiter.count = &fired;
        waiter.fire = [](Continuation* self, const Outcome&) noexcept {
          ++*static_cast<Counter*>(self)->count;
        };
        if (!completion.attach(waiter)) {
          ++refused;
        }
      }
    }};
    completion.complete({});
    attacher.join();
    BOOST_REQUIRE(fired + refused == 4);
  }
}

BOOST_AUTO_TEST_SUITE_END()
