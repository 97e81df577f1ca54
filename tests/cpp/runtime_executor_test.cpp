#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "program.hpp"
#include "runtime/process.hpp"

using coinfer::testing::status_of;

BOOST_AUTO_TEST_SUITE(runtime_executor)

BOOST_AUTO_TEST_CASE(inferences_run_on_the_executor_that_the_application_gives) {
  BOOST_TEST(status_of("coinfer_given_executor") == 0);
}

BOOST_DATA_TEST_CASE(shutdown_on_a_thread_of_the_runtime_returns_and_ends_everything,
                     (std::vector<std::string>{"shutdown_on_a_worker",
                                               "shutdown_on_the_deadlines_thread",
                                               "shutdown_on_the_alarm_clock"})) {
  BOOST_TEST(status_of("coinfer_own_process", sample) == 0);
}

BOOST_DATA_TEST_CASE(where_no_thread_can_start_a_run_is_refused_or_done_by_those_that_are_there,
                     (std::vector<std::string>{"no_thread_can_start", "no_second_worker_can_start",
                                               "no_alarm_clock_can_start"})) {
  BOOST_TEST(status_of("coinfer_own_process", sample) == 0);
}

// Where a process has one compute slot there is one worker, and nothing runs beside a handler.
BOOST_DATA_TEST_CASE(a_long_handler_on_the_executor_delays_nothing_that_has_a_slot,
                     (std::vector<std::string>{"handler_on_an_idle_worker",
                                               "handler_on_a_worker_that_waits_awake",
                                               "two_handlers_at_once"})) {
  BOOST_TEST(
      (coinfer::runtime::compute_slots() < 2 || status_of("coinfer_own_process", sample) == 0));
}

BOOST_AUTO_TEST_SUITE_END()
