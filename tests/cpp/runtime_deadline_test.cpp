#include <boost/test/unit_test.hpp>
#include <chrono>
#include <vector>

#include "coinfer/runtime.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

BOOST_AUTO_TEST_SUITE(runtime_deadline)

BOOST_AUTO_TEST_CASE(a_running_run_is_stopped_and_its_request_is_usable) {
  const auto compiled = compile(slow(4000));
  auto request = compiled.create_infer_request();
  request.start({.deadline = Clock::now() + 20ms});
  BOOST_CHECK_THROW(request.wait(), DeadlineExceeded);
  BOOST_TEST(!request.busy());
  BOOST_CHECK(request.current()->computed().kind == Outcome::Kind::failed);
  // The next run has no deadline of its own, and none left over.
  request.start_async();
  BOOST_TEST(!request.wait_for(40ms));
  request.cancel();
  BOOST_CHECK_THROW(request.wait(), Cancelled);
}

BOOST_AUTO_TEST_CASE(a_queued_run_never_starts) {
  const auto compiled = compile(slow(4000), {{"NUM_STREAMS", 1}});
  auto first = compiled.create_infer_request();
  auto second = compiled.create_infer_request();
  first.start_async();
  second.start({.deadline = Clock::now() + 5ms});
  BOOST_CHECK_THROW(second.wait(), DeadlineExceeded);
  BOOST_CHECK(second.current()->stamps().started == Clock::time_point{});
  BOOST_TEST(first.busy());
  first.cancel();
  BOOST_CHECK_THROW(first.wait(), Cancelled);
}

BOOST_AUTO_TEST_CASE(a_deadline_that_has_passed_already_is_told_by_the_run) {
  const auto compiled = compile(slow(400));
  auto request = compiled.create_infer_request();
  request.start({.deadline = Clock::now() - 1s});
  BOOST_CHECK_THROW(request.wait(), DeadlineExceeded);
}

BOOST_AUTO_TEST_CASE(a_run_that_ends_in_time_is_watched_no_longer) {
  const auto before = live_objects();
  {
    const auto compiled = compile(one_add(PartialShape{2}));
    auto request = compiled.create_infer_request();
    request.set_input_tensor(0, floats({1, 2}));
    request.set_input_tensor(1, floats({1, 2}));
    for (int i = 0; i < 500; ++i) {
      request.start({.deadline = Clock::now() + 1h});
      request.wait();
    }
    BOOST_TEST(values_of(request.output_tensor(0)) == (std::vector<float>{2, 4}));
  }
  // A worker lets go of a run just after its waiters were told.
  for (int i = 0; i < 1000 && live_objects().operations > before.operations; ++i) {
    std::this_thread::sleep_for(1ms);
  }
  // Fewer, when one of an earlier test had not been let go of yet.
  BOOST_TEST(live_objects().operations <= before.operations);
  BOOST_TEST(live_objects().compiled_models <= before.compiled_models);
}

BOOST_AUTO_TEST_CASE(the_earliest_of_many_goes_first_whatever_their_order) {
  const auto compiled = compile(slow(20000), {{"NUM_STREAMS", 1}});
  auto blocker = compiled.create_infer_request();
  // Longer waits when all could not be queued before the first of them was over.
  for (auto unit = 10ms;; unit *= 4) {
    BOOST_TEST_REQUIRE(unit.count() < 2000);
    blocker.start_async();
    std::vector<InferRequest> requests;
    const auto now = Clock::now();
    for (const int wait : {4, 1, 3, 2}) {
      requests.push_back(compiled.create_infer_request());
      requests.back().start({.deadline = now + wait * unit});
    }
    const bool in_time = Clock::now() < now + unit;
    for (auto& request : requests) {
      BOOST_CHECK_THROW(request.wait(), DeadlineExceeded);
    }
    const bool all_were_queued = in_time && blocker.busy();
    blocker.cancel();
    try {
      blocker.wait();
    } catch (const Cancelled&) {  // unless it was over before, on a slow machine
    }
    if (all_were_queued) {
      const auto ended = [&](std::size_t i) { return requests[i].current()->stamps().finished; };
      BOOST_CHECK(ended(1) <= ended(3));
      BOOST_CHECK(ended(3) <= ended(2));
      BOOST_CHECK(ended(2) <= ended(0));
      break;
    }
  }
}

BOOST_AUTO_TEST_CASE(a_run_and_its_deadline_race_and_one_of_them_wins) {
  const auto compiled = compile(one_add(PartialShape{2}));
  auto request = compiled.create_infer_request();
  request.set_input_tensor(0, floats({1, 2}));
  request.set_input_tensor(1, floats({1, 2}));
  int finished = 0;
  int expired = 0;
  for (int i = 0; i < 2000; ++i) {
    request.start({.deadline = Clock::now() + std::chrono::microseconds{i % 40}});
    try {
      request.wait();
      ++finished;
    } catch (const DeadlineExceeded&) {
      ++expired;
    }
    BOOST_TEST_REQUIRE(!request.busy());
  }
  BOOST_TEST(finished + expired == 2000);
  request.infer();
  BOOST_TEST(values_of(request.output_tensor(0)) == (std::vector<float>{2, 4}));
}

BOOST_AUTO_TEST_SUITE_END()
