#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "coinfer/error.hpp"
#include "coinfer/infer_queue.hpp"
#include "counting_allocator.hpp"
#include "live.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

std::vector<Tensor> terms(float a, float b) { return {floats({a, a, a, a}), floats({b, b, b, b})}; }

Tensor square() {
  Tensor tensor{ElementType::f32, Shape{384, 384}};
  std::fill_n(tensor.data<float>(), tensor.size(), 1.0F);
  return tensor;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_infer_queue)

BOOST_AUTO_TEST_CASE(awaited_inferences_share_the_requests) {
  InferQueue queue{compile(one_add()), 2};
  asio::io_context context;
  int right = 0;
  for (int i = 0; i < 50; ++i) {
    asio::co_spawn(
        context,
        [&queue, &right, i]() -> asio::awaitable<void> {
          const auto sum =
              co_await queue.async_infer(terms(static_cast<float>(i), 1), asio::use_awaitable);
          right += sum.at(0).data<float>()[0] == static_cast<float>(i + 1) ? 1 : 0;
        },
        [](std::exception_ptr error) { BOOST_TEST(!error); });
  }
  context.run();
  BOOST_TEST(right == 50);
  BOOST_TEST(queue.is_ready());
  BOOST_TEST(queue.async_infer(terms(1, 2), asio::use_future).get()[0].data<float>()[0] == 3);
  BOOST_TEST(
      queue.async_infer(terms(1, 3), asio::deferred)(asio::use_future).get()[0].data<float>()[0] ==
      4);
}

BOOST_AUTO_TEST_CASE(with_one_request_runs_follow_one_another_in_the_order_of_their_calls) {
  InferQueue queue{compile(slow(5)), 1};
  // A run lets go of its inputs before its request is given to the next.
  std::mutex mutex;
  std::vector<int> order;
  const auto input = [&](int number) {
    auto values = std::make_shared<std::vector<float>>(384 * 384);
    const std::shared_ptr<void> owner{values.get(), [&, values, number](void*) {
                                        const std::lock_guard lock{mutex};
                                        order.push_back(number);
                                      }};
    return Tensor{ElementType::f32, Shape{384, 384},
                  Memory::wrap(values->data(), values->size() * sizeof(float), owner, true)};
  };
  std::vector<std::future<std::vector<Tensor>>> results;
  for (int i = 0; i < 6; ++i) {
    results.push_back(queue.async_infer({input(i)}, asio::use_future));
  }
  for (auto& result : results) {
    result.get();
  }
  BOOST_TEST(order == (std::vector{0, 1, 2, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cancelled_while_waiting_or_running_it_lets_the_next_one_in) {
  InferQueue queue{compile(slow(4000)), 1};
  asio::io_context context;
  asio::cancellation_signal running;
  asio::cancellation_signal waiting;
  std::vector<std::string> ends;
  const auto note = [&](std::string name) {
    return [&ends, name = std::move(name)](std::exception_ptr error, const std::vector<Tensor>&) {
      try {
        std::rethrow_exception(error);
      } catch (const Cancelled&) {
        ends.push_back(name);
      }
    };
  };
  queue.async_infer({square()}, asio::bind_cancellation_slot(
                                    running.slot(), asio::bind_executor(context, note("running"))));
  queue.async_infer({square()}, asio::bind_cancellation_slot(
                                    waiting.slot(), asio::bind_executor(context, note("waiting"))));
  waiting.emit(asio::cancellation_type::total);
  context.run_one();
  BOOST_TEST(ends == std::vector<std::string>{"waiting"}, boost::test_tools::per_element());
  running.emit(asio::cancellation_type::terminal);
  context.run();
  BOOST_TEST(ends == (std::vector<std::string>{"waiting", "running"}),
             boost::test_tools::per_element());
  queue.wait_all();
  BOOST_TEST(queue.is_ready());
}

BOOST_AUTO_TEST_CASE(blocking_starts_fill_the_requests_and_wait_all_waits_for_them) {
  InferQueue queue{compile(one_add()), 3};
  std::atomic<int> sum{0};
  queue.set_callback([&](InferRequest& request, std::any& userdata) {
    sum += std::any_cast<int>(userdata) *
           static_cast<int>(request.current()->outputs[0].data<float>()[0]);
  });
  int expected = 0;
  for (int i = 0; i < 100; ++i) {
    queue.start_async(terms(static_cast<float>(i), 1), 2);
    expected += 2 * (i + 1);
  }
  queue.wait_all();
  BOOST_TEST(sum == expected);
  queue.set_callback(nullptr);
  queue.start_async(terms(1, 1));
  queue.wait_all();
  BOOST_TEST(sum == expected);
}

BOOST_AUTO_TEST_CASE(callbacks_of_a_queue_do_not_overlap) {
  InferQueue queue{compile(one_add(), {{"NUM_STREAMS", 2}, {"INFERENCE_NUM_THREADS", 2}}), 4};
  constexpr int runs = 100;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<int> calls(runs);
  queue.set_callback([&](InferRequest&, std::any& userdata) {
    most = std::max<int>(most, ++inside);
    ++calls[static_cast<std::size_t>(std::any_cast<int>(userdata))];
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    --inside;
  });
  for (int i = 0; i < runs; ++i) {
    queue.start_async(terms(1, 1), i);
  }
  queue.wait_all();
  BOOST_TEST(most == 1);
  BOOST_TEST(calls == std::vector<int>(runs, 1), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_first_error_is_thrown_by_the_next_wait_all_once) {
  InferQueue queue{compile(two_stages()), 2};
  const auto shape = [](std::int64_t rows, std::int64_t columns) {
    return Tensor::vector<std::int64_t>(std::array{rows, columns});
  };
  queue.start_async({floats({1, 2, 3, 4}), shape(3, 3)});
  queue.start_async({floats({1, 2, 3, 4}), shape(2, 2)});
  BOOST_CHECK_THROW(queue.wait_all(), Error);
  BOOST_CHECK_NO_THROW(queue.wait_all());
  queue.set_callback([](InferRequest&, std::any&) { throw std::logic_error{"from a callback"}; });
  queue.start_async({floats({1, 2, 3, 4}), shape(4, 1)});
  BOOST_CHECK_THROW(queue.wait_all(), std::logic_error);
  BOOST_CHECK_NO_THROW(queue.wait_all());
}

BOOST_AUTO_TEST_CASE(bad_inputs_are_refused_and_cost_no_request) {
  InferQueue queue{compile(one_add()), 1};
  for (int i = 0; i < 3; ++i) {
    BOOST_CHECK_THROW(queue.start_async({floats({1, 2, 3, 4})}), Error);
    BOOST_CHECK_THROW(queue.start_async({floats({1}), floats({1})}), Error);
    BOOST_CHECK_THROW(queue.async_infer({floats({1}), floats({1})}, asio::use_future).get(), Error);
    BOOST_CHECK_THROW(queue.async_infer({}, asio::use_future).get(), Error);
  }
  BOOST_TEST(queue.is_ready());
  BOOST_CHECK_THROW(queue[1], Error);
}

BOOST_AUTO_TEST_CASE(what_would_block_on_a_streams_thread_is_refused) {
  InferQueue queue{compile(one_add()), 1};
  std::promise<std::string> text;
  queue.set_callback([&](InferRequest&, std::any&) {
    try {
      queue.start_async(terms(1, 1));
      text.set_value("");
    } catch (const Error& error) {
      text.set_value(error.what());
    }
  });
  queue.start_async(terms(1, 1));
  BOOST_TEST(text.get_future().get().find("stream's thread") != std::string::npos);
  queue.wait_all();
}

BOOST_AUTO_TEST_CASE(destroying_the_queue_ends_the_waits_and_lets_go_of_what_runs) {
  std::future<std::vector<Tensor>> first;
  std::future<std::vector<Tensor>> second;
  {
    InferQueue queue{compile(slow()), 1};
    first = queue.async_infer({square()}, asio::use_future);
    second = queue.async_infer({square()}, asio::use_future);
  }
  BOOST_CHECK_THROW(second.get(), Cancelled);
  BOOST_TEST(first.get().size() == 1);
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_at_any_step_takes_its_waiting_coroutines_along) {
  InferQueue queue{compile(slow(20)), 1};
  int steps = 0;
  for (int ended = 0; ended < 3; ++steps) {
    ended = 0;
    {
      asio::io_context context;
      for (int i = 0; i < 3; ++i) {
        asio::co_spawn(
            context,
            [](InferQueue& mine, Counted) -> asio::awaitable<void> {
              co_await mine.async_infer({square()}, asio::use_awaitable);
            }(queue, Counted{i}),
            [&](std::exception_ptr error) {
              BOOST_TEST(!error);
              ++ended;
            });
      }
      for (int i = 0; i < steps && ended < 3; ++i) {
        context.run_one();
      }
    }
    BOOST_TEST(Counted::alive == 0);
    BOOST_TEST(queue.async_infer({square()}, asio::use_future).get().size() == 1);
  }
  BOOST_TEST(steps > 6);
}

BOOST_AUTO_TEST_CASE(a_waiting_handler_lies_in_memory_of_its_allocator) {
  InferQueue queue{compile(one_add()), 1};
  asio::io_context context;
  Allocations memory;
  int called = 0;
  for (int i = 0; i < 3; ++i) {  // for the run, and for the request
    queue.async_infer(
        terms(1, 2),
        counted(memory, asio::bind_executor(
                            context, [&](std::exception_ptr error, const std::vector<Tensor>& sum) {
                              BOOST_TEST(!error);
                              BOOST_TEST(sum.size() == 1);
                              ++called;
                            })));
  }
  BOOST_TEST(memory.given >= 3);
  context.run();
  BOOST_TEST(called == 3);
  BOOST_TEST(memory.out == 0);
}

BOOST_AUTO_TEST_CASE(threads_coroutines_and_cancellations_at_once_lose_nothing) {
  InferQueue queue{compile(one_add(), {{"PERFORMANCE_HINT", "THROUGHPUT"}}), 3};
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        queue.start_async(terms(1, 2));
        ++ended;
      }
    });
    threads.emplace_back([&] {
      asio::io_context context;
      for (int i = 0; i < 200; ++i) {
        const auto signal = std::make_shared<asio::cancellation_signal>();
        queue.async_infer(terms(1, 2),
                          asio::bind_cancellation_slot(
                              signal->slot(),
                              asio::bind_executor(
                                  context, [&, signal](std::exception_ptr,
                                                       const std::vector<Tensor>&) { ++ended; })));
        if (i % 3 == 0) {
          signal->emit(asio::cancellation_type::terminal);
        }
        if (i % 8 == 0) {
          context.poll();
        }
      }
      context.restart();
      context.run();
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  queue.wait_all();
  BOOST_TEST(ended == 800);
}

BOOST_AUTO_TEST_SUITE_END()
