#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "coinfer/error.hpp"
#include "coinfer/runtime.hpp"
#include "runtime/compiled.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

BOOST_AUTO_TEST_SUITE(runtime_request)

BOOST_AUTO_TEST_CASE(blocking_waited_awaited_and_future_runs_agree) {
  const auto compiled = compile(one_add());
  auto request = compiled.create_infer_request();
  request.set_input_tensor(0, floats({1, 2, 3, 4}));
  request.set_input_tensor(1, floats({10, 20, 30, 40}));
  const std::vector<float> expected{11, 22, 33, 44};

  request.infer();
  BOOST_TEST(values_of(request.output_tensor(0)) == expected, boost::test_tools::per_element());

  request.set_input_tensor(0, floats({2, 2, 3, 4}));
  request.start_async();
  request.wait();
  BOOST_TEST(request.output_tensor(0).data<float>()[0] == 12);

  request.set_input_tensor(0, floats({3, 2, 3, 4}));
  request.async_infer(asio::use_future).get();
  BOOST_TEST(request.output_tensor(0).data<float>()[0] == 13);

  request.set_input_tensor(0, floats({4, 2, 3, 4}));
  asio::io_context context;
  bool resumed = false;
  asio::co_spawn(
      context,
      [](InferRequest request, bool& resumed) -> asio::awaitable<void> {
        co_await request.async_infer(asio::use_awaitable);
        resumed = true;
      }(request, resumed),
      asio::detached);
  context.run();
  BOOST_TEST(resumed);
  BOOST_TEST(request.output_tensor(0).data<float>()[0] == 14);

  std::promise<int> called;
  request.set_input_tensor(0, floats({5, 2, 3, 4}));
  request.async_infer([&](std::exception_ptr error) { called.set_value(error ? -1 : 1); });
  BOOST_TEST(called.get_future().get() == 1);
  request.wait();
  BOOST_TEST(request.output_tensor(0).data<float>()[0] == 15);
}

BOOST_AUTO_TEST_CASE(a_request_in_flight_refuses_to_be_started_or_read) {
  const auto compiled = compile(slow());
  auto request = compiled.create_infer_request();
  request.start_async();
  BOOST_CHECK_THROW(request.start_async(), RequestBusy);
  BOOST_CHECK_THROW(request.infer(), RequestBusy);
  BOOST_CHECK_THROW(request.output_tensor(0), RequestBusy);
  BOOST_CHECK_THROW(request.set_input_tensor(0, request.output_tensor(0)), RequestBusy);
  request.wait();
  BOOST_CHECK_NO_THROW(request.output_tensor(0));
}

BOOST_AUTO_TEST_CASE(a_running_request_that_is_cancelled_stops_early_and_is_reusable) {
  const auto compiled = compile(slow(400));
  auto request = compiled.create_infer_request();
  request.infer();
  const auto begin = std::chrono::steady_clock::now();
  request.infer();
  const auto whole = std::chrono::steady_clock::now() - begin;

  request.start_async();
  while (request.current()->state() != Operation::State::running) {
    std::this_thread::yield();
  }
  const auto cancelled = std::chrono::steady_clock::now();
  request.cancel();
  BOOST_CHECK_THROW(request.wait(), Cancelled);
  BOOST_TEST((std::chrono::steady_clock::now() - cancelled < whole));
  BOOST_CHECK_NO_THROW(request.wait());
  BOOST_CHECK_NO_THROW(request.infer());
}

BOOST_AUTO_TEST_CASE(a_queued_request_that_is_cancelled_never_runs) {
  const auto compiled = compile(slow());
  auto first = compiled.create_infer_request();
  auto second = compiled.create_infer_request();
  first.start_async();
  second.start_async();
  second.cancel();
  BOOST_CHECK_THROW(second.wait(), Cancelled);
  BOOST_TEST((second.current()->stamps().started == std::chrono::steady_clock::time_point{}));
  first.wait();
}

BOOST_AUTO_TEST_CASE(a_blocking_inference_that_waits_for_a_stream_can_be_interrupted) {
  const auto compiled = compile(slow(1000));
  auto first = compiled.create_infer_request();
  auto second = compiled.create_infer_request();
  first.start_async();
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (first.current()->state() == Operation::State::queued &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  int asked = 0;
  BOOST_CHECK_THROW(second.infer([&] { return ++asked == 1; }), Cancelled);
  BOOST_TEST(asked == 1);
  BOOST_TEST(first.busy());
  BOOST_TEST(!second.busy());
  first.cancel();
  BOOST_CHECK_THROW(first.wait(), Cancelled);
  asked = 0;
  second.infer([&] { return ++asked > 0; });
  BOOST_TEST(asked == 0);
}

BOOST_AUTO_TEST_CASE(start_async_really_starts) {
  auto request = compile(slow(20)).create_infer_request();
  request.start_async();
  const auto operation = request.current();
  // Nobody waits, so nobody helps.
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (operation->state() != Operation::State::ended &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  BOOST_TEST((operation->state() == Operation::State::ended));
  request.wait();
}

BOOST_AUTO_TEST_CASE(wait_for_gives_up_and_the_run_goes_on) {
  const auto compiled = compile(slow());
  auto request = compiled.create_infer_request();
  request.start_async();
  BOOST_TEST(!request.wait_for(1ms));
  BOOST_TEST(request.busy());
  BOOST_TEST(request.wait_for(60s));
  request.start_async();
  BOOST_TEST(!request.wait_for(std::chrono::milliseconds::min()));
  BOOST_TEST(request.wait_for(std::chrono::milliseconds::max()));
}

BOOST_AUTO_TEST_CASE(a_new_shape_makes_a_new_plan_and_an_old_one_costs_nothing) {
  const auto compiled = compile(one_add(PartialShape{Dimension{}}));
  auto request = compiled.create_infer_request();
  const auto run = [&](std::initializer_list<float> values) {
    request.set_input_tensor(0, floats(values));
    request.set_input_tensor(1, floats(values));
    request.infer();
    return request.output_tensor(0);
  };
  const auto output = run({1, 2});
  run({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
  BOOST_TEST(output.size() == 17);
  BOOST_TEST((output == run({1, 2})));
  BOOST_TEST(output.size() == 2);
  BOOST_TEST(compiled.impl()->plans_built() == 2);
}

BOOST_AUTO_TEST_CASE(a_model_whose_shape_is_data_runs_in_two_stages) {
  const auto compiled = compile(two_stages());
  auto request = compiled.create_infer_request();
  request.set_input_tensor(0, floats({1, 2, 3, 4}));
  for (const auto& shape : {Shape{2, 2}, Shape{1, 4}, Shape{4, 1}, Shape{2, 2}}) {
    request.set_input_tensor(
        1, Tensor::vector<std::int64_t>(std::span<const std::int64_t>(shape.data(), 2)));
    request.infer();
    BOOST_TEST((request.output_tensor(0).shape() == shape));
    BOOST_TEST(values_of(request.output_tensor(0)) == (std::vector<float>{4, 8, 12, 16}),
               boost::test_tools::per_element());
  }
  request.set_input_tensor(1, Tensor::vector<std::int64_t>(std::array<std::int64_t, 2>{3, 3}));
  BOOST_CHECK_THROW(request.infer(), Error);
  request.set_input_tensor(1, Tensor::vector<std::int64_t>(std::array<std::int64_t, 2>{4, 1}));
  BOOST_CHECK_NO_THROW(request.infer());
}

BOOST_AUTO_TEST_CASE(callback_runs_before_waiters_and_may_start_the_request_again) {
  const auto compiled = compile(one_add());
  auto request = compiled.create_infer_request();
  std::atomic<int> calls{0};
  request.set_callback([&calls, request](std::exception_ptr) mutable {
    if (++calls < 3) {
      request.start_async();
    }
  });
  request.start_async();
  while (calls < 3) {
    request.wait();
  }
  request.wait();
  BOOST_TEST(calls == 3);
  request.set_callback([](std::exception_ptr) { throw std::runtime_error{"from the callback"}; });
  request.start_async();
  BOOST_CHECK_THROW(request.wait(), std::runtime_error);
  BOOST_CHECK_NO_THROW(request.wait());
  request.set_callback(nullptr);
  request.infer();
}

BOOST_AUTO_TEST_CASE(callbacks_of_a_request_that_is_started_in_them_do_not_overlap) {
  const auto compiled = compile(one_add(), {{"NUM_STREAMS", 2}, {"INFERENCE_NUM_THREADS", 2}});
  auto request = compiled.create_infer_request();
  constexpr int starts = 50;
  std::atomic<int> calls{0};
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::mutex mutex;
  std::vector<OperationRef> runs;
  request.set_callback([&](std::exception_ptr) {
    most = std::max<int>(most, ++inside);
    if (++calls < starts) {
      auto run = request.start({});
      {
        const std::lock_guard lock{mutex};
        runs.push_back(std::move(run));
      }
      // The next run ends on the other stream meanwhile; its waiters are told after its callback.
      for (int i = 0; i < 1000 && request.busy(); ++i) {
        std::this_thread::sleep_for(1ms);
      }
      std::this_thread::sleep_for(1ms);
    }
    --inside;
  });
  {
    const std::lock_guard lock{mutex};
    runs.push_back(request.start({}));
  }
  for (std::size_t i = 0; i < starts; ++i) {
    OperationRef run;
    {
      const std::lock_guard lock{mutex};
      BOOST_REQUIRE(i < runs.size());
      run = runs[i];
    }
    BOOST_REQUIRE(wait_until_complete(*run, std::chrono::steady_clock::now() + 30s, {}));
    BOOST_TEST(calls > static_cast<int>(i));
  }
  BOOST_TEST(calls == starts);
  BOOST_TEST(most == 1);
}

BOOST_AUTO_TEST_CASE(a_run_that_is_cancelled_in_a_callback_has_its_own_call_afterwards) {
  const auto compiled = compile(slow(20, 128), {{"NUM_STREAMS", 1}});
  auto request = compiled.create_infer_request();
  int calls = 0;
  int inside = 0;
  bool overlapped = false;
  std::promise<std::string> refused;
  std::promise<void> done;
  request.set_callback([&](std::exception_ptr) {
    overlapped = overlapped || ++inside > 1;
    if (++calls == 1) {
      request.start_async();
      request.cancel();
      try {
        request.wait();
        refused.set_value("");
      } catch (const std::exception& thrown) {
        refused.set_value(thrown.what());
      }
    } else {
      done.set_value();
    }
    --inside;
  });
  request.start_async();
  BOOST_REQUIRE((done.get_future().wait_for(30s) == std::future_status::ready));
  wait_until_complete(*request.current(), std::nullopt, {});
  BOOST_TEST(!overlapped);
  BOOST_TEST(calls == 2);
  BOOST_TEST(refused.get_future().get().find("stream's thread") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_blocking_call_on_a_streams_thread_is_an_error) {
  const auto compiled = compile(one_add());
  auto request = compiled.create_infer_request();
  auto other = compiled.create_infer_request();
  std::promise<std::string> text;
  request.async_infer([&](std::exception_ptr) {
    try {
      other.infer();
      text.set_value("");
    } catch (const Error& error) {
      text.set_value(error.what());
    }
  });
  BOOST_TEST(text.get_future().get().find("stream's thread") != std::string::npos);
  request.wait();
}

BOOST_AUTO_TEST_CASE(many_threads_share_the_streams_and_none_is_lost) {
  const auto compiled = compile(one_add(), {{"PERFORMANCE_HINT", "THROUGHPUT"}});
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      auto request = compiled.create_infer_request();
      for (int i = 0; i < 300; ++i) {
        request.set_input_tensor(0, floats({static_cast<float>(t), 0, 0, 0}));
        request.set_input_tensor(1, floats({static_cast<float>(i), 0, 0, 0}));
        if (i % 2 == 0) {
          request.infer();
        } else {
          request.start_async();
          request.wait();
        }
        right += request.output_tensor(0).data<float>()[0] == static_cast<float>(t + i) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  BOOST_TEST(right == 1800);
}

BOOST_AUTO_TEST_CASE(cancellation_slot_of_the_token_cancels_the_run) {
  const auto compiled = compile(slow(400));
  auto request = compiled.create_infer_request();
  asio::io_context context;
  asio::cancellation_signal signal;
  std::exception_ptr seen;
  request.async_infer(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [&](std::exception_ptr error) { seen = error; })));
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  BOOST_REQUIRE(seen);
  BOOST_CHECK_THROW(std::rethrow_exception(seen), Cancelled);
}

BOOST_AUTO_TEST_CASE(an_abandoned_run_lets_the_request_start_again_at_once) {
  const auto compiled = compile(slow());
  auto request = compiled.create_infer_request();
  request.start_async();
  const auto old = request.current();
  old->abandon();
  request.start_async();
  request.wait();
  BOOST_TEST((old->computed().kind == Outcome::Kind::cancelled));
  BOOST_TEST((request.current()->computed().kind == Outcome::Kind::finished));
}

BOOST_AUTO_TEST_CASE(any_number_of_abandoned_runs_may_wait_for_one_that_is_stopping) {
  const auto compiled = compile(slow(4000));
  auto request = compiled.create_infer_request();
  std::vector<OperationRef> abandoned;
  for (int i = 0; i < 5; ++i) {
    abandoned.push_back(request.start({}));
    abandoned.back()->abandon();
  }
  const auto last = request.start({});
  BOOST_CHECK_THROW(request.start({}), RequestBusy);
  BOOST_CHECK(request.current() == last);
  last->cancel();
  BOOST_CHECK_THROW(request.wait(), Cancelled);
  for (const auto& operation : abandoned) {
    // Its waiters are told by the thread that ended it, maybe after those of the next.
    BOOST_TEST(wait_until_complete(*operation, std::chrono::steady_clock::now() + 60s, {}));
    BOOST_CHECK(operation->computed().kind == Outcome::Kind::cancelled);
  }
  BOOST_TEST(!request.busy());
}

BOOST_AUTO_TEST_CASE(two_stage_requests_of_one_stream_interleave) {
  const auto compiled = compile(two_stages(), {{"NUM_STREAMS", 1}});
  std::vector<InferRequest> requests;
  for (int i = 0; i < 8; ++i) {
    auto request = compiled.create_infer_request();
    request.set_input_tensor(0, floats({1, 2, 3, 4}));
    request.set_input_tensor(1, Tensor::vector<std::int64_t>(std::array<std::int64_t, 2>{2, 2}));
    requests.push_back(request);
  }
  // With one stream and no turns between stages no run could start before another had finished.
  bool interleaved = false;
  for (int round = 0; round < 50 && !interleaved; ++round) {
    for (auto& request : requests) {
      request.start_async();
    }
    for (auto& request : requests) {
      request.wait();
    }
    for (const auto& a : requests) {
      for (const auto& b : requests) {
        const auto first = a.current()->stamps();
        const auto second = b.current()->stamps();
        interleaved =
            interleaved || (first.started < second.started && second.started < first.finished);
      }
    }
  }
  BOOST_TEST(interleaved);
}

BOOST_AUTO_TEST_CASE(nothing_stays_alive) {
  const auto all_gone = [] {
    const auto live = live_objects();
    return live.operations == 0 && live.requests == 0 && live.compiled_models == 0;
  };
  const auto wait_until_gone = [&] {
    for (int i = 0; i < 5000 && !all_gone(); ++i) {
      std::this_thread::sleep_for(1ms);
    }
  };
  // A worker lets go of a run shortly after its waiters were told.
  wait_until_gone();
  {
    const auto compiled = compile(one_add());
    auto request = compiled.create_infer_request();
    request.set_input_tensor(0, floats({1, 2, 3, 4}));
    request.set_input_tensor(1, floats({1, 2, 3, 4}));
    request.start_async();
    request.wait();
    request.start_async();
  }
  wait_until_gone();
  BOOST_TEST(live_objects().requests == 0);
  BOOST_TEST(live_objects().operations == 0);
  BOOST_TEST(live_objects().compiled_models == 0);
}

BOOST_AUTO_TEST_CASE(a_cancelled_run_lets_go_of_its_inputs) {
  const auto compiled = compile(slow(400));
  auto request = compiled.create_infer_request();
  const auto size = compiled.input(std::size_t{0})->shape.to_shape();
  auto bytes = std::make_shared<std::vector<float>>(static_cast<std::size_t>(size.elements()));
  const OperationRef operation{new Operation{compiled.impl()}};
  operation->inputs.emplace_back(
      ElementType::f32, size,
      Memory::wrap(bytes->data(), bytes->size() * sizeof(float), bytes, true));
  operation->outputs.resize(1);
  operation->start();
  while (operation->state() != Operation::State::running) {
    std::this_thread::yield();
  }
  operation->cancel();
  BOOST_TEST(wait_until_complete(*operation, std::nullopt, {}));
  BOOST_TEST(bytes.use_count() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
