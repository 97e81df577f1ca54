#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "coinfer/error.hpp"
#include "coinfer/executor.hpp"
#include "counting_allocator.hpp"
#include "live.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

InferRequest ready_request(const CompiledModel& model) {
  auto request = model.create_infer_request();
  request.set_input_tensor(0, floats({1, 2, 3, 4}));
  request.set_input_tensor(1, floats({1, 1, 1, 1}));
  return request;
}

bool is_aborted(const std::exception_ptr& error) {
  try {
    if (error) {
      std::rethrow_exception(error);
    }
  } catch (const boost::system::system_error& caught) {
    return caught.code() == asio::error::operation_aborted;
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_async)

BOOST_AUTO_TEST_CASE(a_handler_runs_on_its_executor_and_waits_in_its_allocators_memory) {
  const auto model = compile(one_add());
  auto request = ready_request(model);
  asio::io_context context;
  const auto check = [&](const auto& initiate) {
    Allocations memory;
    bool called = false;
    initiate(counted(memory, asio::bind_executor(context, [&](std::exception_ptr error, auto...) {
                       BOOST_TEST(!error);
                       BOOST_TEST(context.get_executor().running_in_this_thread());
                       // Its memory is free again before it is called: it may start the next
                       // operation there.
                       BOOST_TEST(memory.out == 0);
                       called = true;
                     })));
    context.restart();
    context.run();
    BOOST_TEST(called);
    BOOST_TEST(memory.given > 0);
    BOOST_TEST(memory.out == 0);
  };
  check([&](auto token) { request.async_infer(std::move(token)); });
  check([&](auto token) { request.async_wait(std::move(token)); });
  check([&](auto token) {
    model.async_infer({floats({1, 2, 3, 4}), floats({1, 1, 1, 1})}, std::move(token));
  });
}

BOOST_AUTO_TEST_CASE(a_deferred_inference_starts_when_it_is_called) {
  const auto model = compile(one_add());
  auto request = ready_request(model);
  auto inference = request.async_infer(asio::deferred);
  BOOST_TEST(!request.current());
  std::move(inference)(asio::use_future).get();
  BOOST_TEST(request.output_tensor(0).data<float>()[3] == 5);
  request.async_wait(asio::deferred)(asio::use_future).get();
}

BOOST_AUTO_TEST_CASE(what_cannot_start_is_told_to_the_handler_later) {
  const auto model = compile(slow());
  auto request = model.create_infer_request();
  asio::io_context context;
  bool called = false;
  bool refused = false;
  request.async_infer(asio::use_future);
  asio::post(context, [&] {
    request.async_infer(asio::bind_executor(context, [&](std::exception_ptr error) {
      called = true;
      try {
        std::rethrow_exception(error);
      } catch (const RequestBusy&) {
        refused = true;
      }
    }));
    BOOST_TEST(!called);
  });
  context.run();
  BOOST_TEST(refused);
  request.wait();
}

BOOST_AUTO_TEST_CASE(any_number_of_waits_see_the_end_of_one_run) {
  const auto model = compile(slow(50));
  auto request = model.create_infer_request();
  request.start_async();
  asio::thread_pool pool{2};
  std::atomic<int> told{0};
  for (int i = 0; i < 10; ++i) {
    asio::co_spawn(
        pool,
        [](InferRequest mine, std::atomic<int>& count) -> asio::awaitable<void> {
          co_await mine.async_wait(asio::use_awaitable);
          count += mine.busy() ? 0 : 1;
        }(request, told),
        asio::detached);
  }
  pool.join();
  BOOST_TEST(told == 10);
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_detaches_and_the_run_goes_on) {
  const auto model = compile(slow());
  auto request = model.create_infer_request();
  request.start_async();
  asio::io_context context;
  asio::cancellation_signal signal;
  int detached = 0;
  request.async_wait(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(context, [&](std::exception_ptr error) {
        detached += is_aborted(error) ? 1 : 0;
      })));
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  BOOST_TEST(detached == 1);
  BOOST_TEST(request.busy());
  request.wait();
  BOOST_TEST((request.current()->computed().kind == Outcome::Kind::finished));
}

BOOST_AUTO_TEST_CASE(detaching_races_with_the_end_and_completes_once) {
  const auto model = compile(one_add());
  auto request = ready_request(model);
  int finished = 0;
  int detached = 0;
  for (int i = 0; i < 500; ++i) {
    asio::io_context context;
    asio::cancellation_signal signal;
    request.start_async();
    request.async_wait(asio::bind_cancellation_slot(
        signal.slot(), asio::bind_executor(context, [&](std::exception_ptr error) {
          ++(is_aborted(error) ? detached : finished);
        })));
    for (int spin = 0; spin < i; ++spin) {
      __builtin_ia32_pause();
    }
    signal.emit(asio::cancellation_type::total);
    context.run();
    BOOST_REQUIRE(finished + detached == i + 1);
    request.wait();
  }
}

BOOST_AUTO_TEST_CASE(a_signal_cancels_its_own_run_and_no_later_one) {
  const auto model = compile(one_add());
  auto request = ready_request(model);
  asio::io_context context;
  asio::cancellation_signal signal;
  request.async_infer(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [](std::exception_ptr error) { BOOST_TEST(!error); })));
  request.wait();
  // The handler has not run yet, so the slot is still the first run's.
  request.start_async();
  signal.emit(asio::cancellation_type::terminal);
  BOOST_CHECK_NO_THROW(request.wait());
  context.run();
}

BOOST_AUTO_TEST_CASE(an_error_that_a_handler_was_told_is_not_thrown_by_wait) {
  const auto model = compile(two_stages());
  auto request = model.create_infer_request();
  request.set_input_tensor(0, floats({1, 2, 3, 4}));
  request.set_input_tensor(1, Tensor::vector<std::int64_t>(std::array<std::int64_t, 2>{3, 3}));
  BOOST_CHECK_THROW(request.async_infer(asio::use_future).get(), Error);
  BOOST_CHECK_NO_THROW(request.wait());
}

BOOST_AUTO_TEST_CASE(handlers_keep_to_their_strand) {
  const auto model = compile(one_add(), {{"PERFORMANCE_HINT", "THROUGHPUT"}});
  asio::thread_pool pool{3};
  auto strand = asio::make_strand(pool);
  std::atomic<int> inside{0};
  int together = 0;
  int calls = 0;
  std::vector<InferRequest> requests;
  for (int i = 0; i < 64; ++i) {
    requests.push_back(ready_request(model));
    requests.back().async_infer(asio::bind_executor(strand, [&](std::exception_ptr) {
      together += inside++ == 0 ? 0 : 1;
      ++calls;
      std::this_thread::sleep_for(10us);
      --inside;
    }));
  }
  pool.join();
  BOOST_TEST(together == 0);
  BOOST_TEST(calls == 64);
}

BOOST_AUTO_TEST_CASE(a_coroutine_on_the_streams_executor_stays_on_its_threads) {
  const auto model = compile(one_add(), {{"PERFORMANCE_HINT", "THROUGHPUT"}});
  const auto loop = [&]() -> asio::awaitable<int> {
    auto request = ready_request(model);
    int on_workers = 0;
    for (int i = 0; i < 200; ++i) {
      co_await request.async_infer(asio::use_awaitable);
      try {
        request.wait_for(0ms);
      } catch (const Error&) {
        ++on_workers;  // only a stream's thread is refused
      }
    }
    co_return on_workers;
  };
  auto first = asio::co_spawn(executor(), loop, asio::use_future);
  auto second = asio::co_spawn(executor(), loop, asio::use_future);
  BOOST_TEST(first.get() == 200);
  BOOST_TEST(second.get() == 200);
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_at_any_step_frees_what_waits_for_runs) {
  const auto model = compile(slow(50));
  int steps = 0;
  for (bool ended = false; !ended; ++steps) {
    const NothingStays each;
    auto request = model.create_infer_request();
    {
      asio::cancellation_signal signal;
      asio::io_context context;
      const auto body = [](InferRequest mine, CompiledModel compiled,
                           Counted) -> asio::awaitable<void> {
        co_await mine.async_infer(asio::use_awaitable);
        co_await mine.async_wait(asio::use_awaitable);
        co_await mine.async_infer(asio::use_awaitable);
        co_await compiled.async_infer({mine.input_tensor(0)}, asio::use_awaitable);
      };
      asio::co_spawn(context, body(request, model, Counted{1}),
                     asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                       BOOST_TEST(!error);
                       ended = true;
                     }));
      for (int i = 0; i < steps && !ended; ++i) {
        context.run_one();
      }
    }
    BOOST_TEST(Counted::alive == 0);
    // The run that nobody waits for any more ends by itself.
    request.wait();
  }
  BOOST_TEST(steps > 4);
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_while_the_run_ends_is_no_race) {
  const auto model = compile(one_add());
  for (int i = 0; i < 500; ++i) {
    auto request = ready_request(model);
    asio::io_context context;
    asio::co_spawn(
        context,
        [](InferRequest mine) -> asio::awaitable<void> {
          for (;;) {
            co_await mine.async_infer(asio::use_awaitable);
          }
        }(request),
        asio::detached);
    context.run_one();
    for (int spin = 0; spin < i; ++spin) {
      __builtin_ia32_pause();
    }
  }
}

BOOST_AUTO_TEST_CASE(a_model_gives_its_results_without_a_request) {
  const auto model = compile(one_add());
  const auto sum =
      model.async_infer({floats({1, 2, 3, 4}), floats({1, 1, 1, 1})}, asio::use_future).get();
  BOOST_TEST(values_of(sum.at(0)) == (std::vector<float>{2, 3, 4, 5}),
             boost::test_tools::per_element());
  BOOST_CHECK_EXCEPTION(model.async_infer({floats({1}), Tensor{}}, asio::use_future).get(), Error,
                        [](const Error& error) {
                          return std::string{error.what()}.find("input 0 'a'") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()
