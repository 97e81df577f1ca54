#include <boost/test/unit_test.hpp>
#include <thread>

#include "coinfer/error.hpp"
#include "coinfer/runtime.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;

namespace {

/// Runs of other tests may still be letting go of their streams.
Stats idle_stats() {
  auto now = stats();
  for (int i = 0; i < 5000 && (now.in_flight != 0 || now.leases != 0); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    now = stats();
  }
  return now;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_stats)

BOOST_AUTO_TEST_CASE(every_run_that_starts_is_counted_once_when_it_ends) {
  const auto compiled = compile(slow(), {{"NUM_STREAMS", 1}});
  auto first = compiled.create_infer_request();
  auto second = compiled.create_infer_request();
  const auto before = idle_stats();
  first.infer();
  first.start_async();
  second.start_async();
  second.cancel();
  BOOST_CHECK_THROW(second.wait(), Cancelled);
  first.wait();
  const auto after = idle_stats();
  BOOST_TEST(after.runs.started - before.runs.started == 3);
  BOOST_TEST(after.runs.finished - before.runs.finished == 2);
  BOOST_TEST(after.runs.cancelled - before.runs.cancelled == 1);
  BOOST_TEST(after.runs.failed == before.runs.failed);
  BOOST_TEST(after.free_slots == after.slots);
  BOOST_TEST(after.live.requests >= 2);
}

BOOST_AUTO_TEST_CASE(stamps_of_a_run_are_in_order) {
  const auto compiled = compile(one_add());
  auto request = compiled.create_infer_request();
  request.set_input_tensor(0, floats({1, 2, 3, 4}));
  request.set_input_tensor(1, floats({1, 2, 3, 4}));
  request.start_async();
  request.wait();
  const auto stamps = request.current()->stamps();
  BOOST_TEST((std::chrono::steady_clock::time_point{} < stamps.queued));
  BOOST_TEST((stamps.queued <= stamps.started));
  BOOST_TEST((stamps.started <= stamps.finished));
  BOOST_TEST((stamps.finished <= stamps.delivered));
  BOOST_TEST(stamps.thread != 0);
}

BOOST_AUTO_TEST_SUITE_END()
