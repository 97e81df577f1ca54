#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>
#include <thread>

#include "coinfer/executor.hpp"
#include "coinfer/pipeline.hpp"
#include "counting_allocator.hpp"
#include "live.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// y = x * factor for four floats.
Model scaled(float factor) {
  GraphMaker make;
  const auto x = make.input("x", PartialShape{4});
  make.output(make.node("Mul", {x, make.constant(floats({factor, factor, factor, factor}))}), "y");
  return make.model();
}

asio::awaitable<void> sleep_for(std::chrono::milliseconds time) {
  asio::steady_timer timer{co_await asio::this_coro::executor, time};
  co_await timer.async_wait(asio::use_awaitable);
}

template <class In, class Out>
asio::awaitable<int> push_numbers(Pipeline<In, Out>& pipeline, int count) {
  int pushed = 0;
  while (pushed < count && co_await pipeline.async_push(In{pushed}, asio::use_awaitable)) {
    ++pushed;
  }
  pipeline.close();
  co_return pushed;
}

template <class In, class Out>
asio::awaitable<std::vector<int>> pull_numbers(Pipeline<In, Out>& pipeline) {
  std::vector<int> values;
  while (auto result = co_await pipeline.async_pull(asio::use_awaitable)) {
    values.push_back(result->value);
  }
  co_return values;
}

std::vector<int> numbers(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

Counted same(Counted item) { return item; }

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_pipeline)

BOOST_AUTO_TEST_CASE(stages_are_coroutines_or_plain_functions_and_results_keep_their_order) {
  asio::io_context context;
  const auto uneven = [](Counted item) -> asio::awaitable<Counted> {
    co_await sleep_for(std::chrono::milliseconds{item.value % 3});
    co_return item;
  };
  Pipeline pipeline{stage(uneven, {.concurrency = 4}) | stage(&same) |
                        stage(uneven, {.concurrency = 3, .capacity = 1}),
                    context.get_executor(), 2};
  auto pushed = asio::co_spawn(context, push_numbers(pipeline, 40), asio::use_future);
  auto pulled = asio::co_spawn(context, pull_numbers(pipeline), asio::use_future);
  context.run();
  BOOST_TEST(pushed.get() == 40);
  BOOST_TEST(pulled.get() == numbers(40), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_unordered_stage_lets_the_fast_ones_pass) {
  asio::io_context context;
  asio::steady_timer gate{context, std::chrono::hours{1}};
  const auto first_waits = [&](Counted item) -> asio::awaitable<Counted> {
    if (item.value == 0) {
      boost::system::error_code ignored;
      co_await gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return item;
  };
  Pipeline pipeline{stage(first_waits, {.concurrency = 2, .ordered = false}),
                    context.get_executor()};
  asio::co_spawn(context, push_numbers(pipeline, 5), asio::detached);
  std::vector<int> got;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        while (auto result = co_await pipeline.async_pull(asio::use_awaitable)) {
          got.push_back(result->value);
          if (got.size() == 4) {
            gate.cancel();
          }
        }
      },
      asio::detached);
  context.run();
  BOOST_TEST(got == (std::vector{1, 2, 3, 4, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_more_items_are_held_than_there_is_room_for) {
  asio::io_context context;
  Pipeline pipeline{stage(&same, {.concurrency = 2, .capacity = 3}) | stage(&same, {.capacity = 1}),
                    context.get_executor(), 2};
  auto pushed = asio::co_spawn(context, push_numbers(pipeline, 1000), asio::use_future);
  context.poll();
  // Input 2, first stage 2 at work and 3 waiting, second 1 and 1, and the one that push waits with.
  BOOST_TEST(Counted::alive <= 2 + 2 + 3 + 1 + 1 + 1);
  BOOST_TEST(Counted::alive >= 2 + 3 + 1);
  auto pulled = asio::co_spawn(context, pull_numbers(pipeline), asio::use_future);
  context.restart();
  context.run();
  BOOST_TEST(pushed.get() == 1000);
  BOOST_TEST(pulled.get() == numbers(1000), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_stage_never_works_on_more_items_than_its_concurrency) {
  asio::thread_pool pool{4};
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  const auto probe = [&](Counted item) -> asio::awaitable<Counted> {
    const int mine = ++now;
    for (int seen = most; seen < mine && !most.compare_exchange_weak(seen, mine);) {
    }
    co_await sleep_for(1ms);
    --now;
    co_return item;
  };
  Pipeline pipeline{stage(probe, {.concurrency = 3}), pool.get_executor(), 4};
  auto pushed = asio::co_spawn(pool, push_numbers(pipeline, 60), asio::use_future);
  auto pulled = asio::co_spawn(pool, pull_numbers(pipeline), asio::use_future);
  BOOST_TEST(pulled.get().size() == 60);
  BOOST_TEST(pushed.get() == 60);
  BOOST_TEST(most == 3);
  pool.join();
}

BOOST_AUTO_TEST_CASE(the_first_error_stops_the_whole_and_is_reported_once) {
  asio::io_context context;
  std::atomic<int> cancelled{0};
  const auto endless = [&](Counted item) -> asio::awaitable<Counted> {
    try {
      co_await sleep_for(1h);
    } catch (const boost::system::system_error&) {
      ++cancelled;
      throw;
    }
    co_return item;
  };
  const auto fails = [](Counted item) -> Counted {
    if (item.value == 3) {
      throw Error{"item 3 is bad"};
    }
    return item;
  };
  Pipeline pipeline{stage(fails) | stage(endless, {.concurrency = 2}), context.get_executor()};
  auto pushed = asio::co_spawn(context, push_numbers(pipeline, 1000), asio::use_future);
  std::vector<std::string> seen;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        for (int i = 0; i < 3; ++i) {
          try {
            const auto result = co_await pipeline.async_pull(asio::use_awaitable);
            seen.emplace_back(result ? "a result" : "the end");
          } catch (const Error& error) {
            seen.emplace_back(error.what());
            // Nothing works any more.
            BOOST_TEST(cancelled == 2);
          }
        }
      },
      asio::detached);
  context.run();
  BOOST_TEST(seen == (std::vector<std::string>{"item 3 is bad", "the end", "the end"}),
             boost::test_tools::per_element());
  BOOST_TEST(pushed.get() < 1000);
}

BOOST_AUTO_TEST_CASE(an_error_of_any_stage_comes_instead_of_the_end) {
  for (int bad = 0; bad < 3; ++bad) {
    const auto make = [bad](int number) {
      return stage([bad, number](Counted item) -> Counted {
        if (number == bad && item.value == 2) {
          throw Error{"bad"};
        }
        return item;
      });
    };
    asio::io_context context;
    Pipeline pipeline{make(0) | make(1) | make(2), context.get_executor()};
    auto pushed = asio::co_spawn(context, push_numbers(pipeline, 3), asio::use_future);
    auto pulled = asio::co_spawn(context, pull_numbers(pipeline), asio::use_future);
    context.run();
    BOOST_CHECK_THROW(pulled.get(), Error);
    BOOST_TEST(pushed.get() == 3);
    BOOST_TEST(!pipeline.async_pull(asio::use_future).get());
  }
}

BOOST_AUTO_TEST_CASE(cancelling_a_pipeline_ends_its_inferences_and_pushes) {
  asio::io_context context;
  const auto model = compile(slow(4000));
  Pipeline pipeline{infer_stage<Tensor>(model), context.get_executor()};
  const Tensor input{ElementType::f32, Shape{384, 384}};
  std::fill_n(input.data<float>(), input.size(), 1.0F);
  auto pushes = asio::co_spawn(
      context,
      [&]() -> asio::awaitable<int> {
        int taken = 0;
        while (co_await pipeline.async_push(input, asio::use_awaitable)) {
          ++taken;
        }
        co_return taken;
      },
      asio::use_future);
  auto pulled = pipeline.async_pull(asio::use_future);
  asio::steady_timer timer{context, 20ms};
  timer.async_wait([&](boost::system::error_code) { pipeline.cancel(); });
  context.run();
  BOOST_CHECK_THROW(pulled.get(), Cancelled);
  BOOST_TEST(pushes.get() >= 1);
  BOOST_TEST(!pipeline.async_pull(asio::use_future).get());
  BOOST_TEST(!pipeline.async_push(input, asio::use_future).get());
}

BOOST_AUTO_TEST_CASE(two_models_hand_on_the_tensor_itself) {
  asio::io_context context;
  const auto first = compile(scaled(2));
  const auto second = compile(scaled(10));
  auto blocker = compile(slow(500, 1024), {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request();
  Tensor between;
  const auto look = [&](Tensor tensor) {
    between = tensor;
    // From here on every compute slot is taken: the second inference has to wait.
    blocker.start_async();
    while (blocker.current()->state() != Operation::State::running) {
      std::this_thread::yield();
    }
    return tensor;
  };
  Pipeline pipeline{infer_stage<Tensor>(first) | stage(look) | infer_stage<Tensor>(second),
                    context.get_executor()};
  auto pulled = pipeline.async_pull(asio::use_future);
  pipeline.async_push(floats({1, 2, 3, 4}), asio::detached);
  while (!between) {
    context.run_one();
  }
  context.poll();
  BOOST_TEST(values_of(between) == (std::vector<float>{2, 4, 6, 8}),
             boost::test_tools::per_element());
  // The second inference is queued. It reads the very memory that the first one wrote, so that it
  // sees what is written there now.
  std::ranges::fill_n(between.data<float>(), 4, 7.0F);
  blocker.cancel();
  pipeline.close();
  context.run();
  const auto result = pulled.get();
  BOOST_REQUIRE(result);
  BOOST_TEST(values_of(*result) == (std::vector<float>{70, 70, 70, 70}),
             boost::test_tools::per_element());
  BOOST_CHECK_THROW(blocker.wait(), Cancelled);
}

BOOST_AUTO_TEST_CASE(a_models_result_is_the_callers_alone_and_lies_where_it_was_computed) {
  const auto model = compile(scaled(2));
  std::set<const void*> places;
  std::vector<Tensor> results;
  for (float i = 0; i < 4; ++i) {
    const auto input = floats({i, 0, 0, 0});
    results.push_back(model.async_infer({input}, asio::use_future).get().at(0));
    BOOST_TEST(results.back().memory().use_count() == 1);
    BOOST_TEST(results.back().data() != input.data());
    places.insert(results.back().data());
  }
  BOOST_TEST(places.size() == 4);
  for (float i = 0; i < 4; ++i) {
    BOOST_TEST(results[static_cast<std::size_t>(i)].data<float>()[0] == 2 * i);
  }
}

BOOST_AUTO_TEST_CASE(it_runs_on_the_streams_own_executor) {
  const auto first = compile(scaled(2));
  const auto second = compile(scaled(3));
  Pipeline pipeline{infer_stage<Tensor>(first) | infer_stage<Tensor>(second), executor(), 4};
  auto pushed = asio::co_spawn(
      executor(),
      [&]() -> asio::awaitable<void> {
        for (int i = 0; i < 100; ++i) {
          co_await pipeline.async_push(floats({static_cast<float>(i), 0, 0, 0}),
                                       asio::use_awaitable);
        }
        pipeline.close();
      },
      asio::use_future);
  for (int i = 0; i < 100; ++i) {
    const auto result = pipeline.async_pull(asio::use_future).get();
    BOOST_REQUIRE(result);
    BOOST_TEST(result->data<float>()[0] == static_cast<float>(6 * i));
  }
  BOOST_TEST(!pipeline.async_pull(asio::use_future).get());
  pushed.get();
}

BOOST_AUTO_TEST_CASE(bad_inputs_and_bad_models_name_what_is_wrong) {
  asio::io_context context;
  const auto two = compile(one_add());
  BOOST_CHECK_EXCEPTION(infer_stage<Tensor>(two), Error, [](const Error& error) {
    return std::string{error.what()}.find("2 inputs") != std::string::npos;
  });
  Pipeline pipeline{infer_stage(two), context.get_executor()};
  auto pushed = pipeline.async_push({floats({1, 2, 3, 4}), floats({1})}, asio::use_future);
  auto pulled = pipeline.async_pull(asio::use_future);
  context.run();
  BOOST_TEST(pushed.get());
  BOOST_CHECK_EXCEPTION(pulled.get(), Error, [](const Error& error) {
    return std::string{error.what()}.find("input 1 'b'") != std::string::npos;
  });
  BOOST_CHECK_THROW((Stage<int, int>{nullptr, {}}), Error);
  BOOST_CHECK_EXCEPTION((Pipeline{infer_stage(two), asio::any_io_executor{}}), Error,
                        [](const Error& error) {
                          return std::string{error.what()}.find("executor") != std::string::npos;
                        });
}

namespace {

/// Inferences and a coroutine stage; a push, and pulls until the end.
struct Journey {
  CompiledModel model = compile(scaled(2));

  template <class Executor>
  Pipeline<Tensor, Counted> make(Executor executor) const {
    const auto last = [](Tensor tensor) -> asio::awaitable<Counted> {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      co_return Counted{static_cast<int>(tensor.data<float>()[0])};
    };
    return {infer_stage<Tensor>(model, {.concurrency = 2}) | infer_stage<Tensor>(model) |
                stage(last, {.concurrency = 2}),
            executor};
  }
};

asio::awaitable<void> travel(const Journey& journey, int& results) {
  auto pipeline = journey.make(co_await asio::this_coro::executor);
  for (int i = 0; i < 2; ++i) {
    co_await pipeline.async_push(floats({1, 0, 0, 0}), asio::use_awaitable);
  }
  pipeline.close();
  while (co_await pipeline.async_pull(asio::use_awaitable)) {
    ++results;
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(deferred_pushes_and_pulls_start_when_they_are_called) {
  asio::thread_pool pool{1};
  Pipeline pipeline{stage(same), pool.get_executor()};
  auto pull = pipeline.async_pull(asio::deferred);
  auto push = pipeline.async_push(Counted{7}, asio::deferred);
  // Had one of them started, this would not be the first item.
  BOOST_TEST(pipeline.async_push(Counted{5}, asio::use_future).get());
  BOOST_TEST(pipeline.async_pull(asio::use_future).get()->value == 5);
  auto pushed = std::move(push)(asio::use_future);
  auto pulled = std::move(pull)(asio::use_future);
  BOOST_TEST(pushed.get());
  BOOST_TEST(pulled.get()->value == 7);
  pipeline.close();
  BOOST_TEST(!pipeline.async_pull(asio::use_future).get());
  pool.join();
}

BOOST_AUTO_TEST_CASE(a_cancelled_push_or_pull_leaves_the_pipeline_as_it_was) {
  asio::io_context idle;  // its stages never work
  Pipeline pipeline{stage(same), idle.get_executor()};
  BOOST_TEST(pipeline.async_push(Counted{1}, asio::use_future).get());
  asio::io_context context;
  int aborted = 0;
  const auto note = [&](std::exception_ptr error, const auto& nothing) {
    BOOST_TEST(!nothing);
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& caught) {
      aborted += caught.code() == asio::error::operation_aborted ? 1 : 0;
    }
  };
  Allocations memory;
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                          asio::cancellation_type::total}) {
    asio::cancellation_signal push;
    asio::cancellation_signal pull;
    const auto by = [&](asio::cancellation_signal& signal) {
      return counted(
          memory, asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, note)));
    };
    pipeline.async_push(Counted{2}, by(push));
    pipeline.async_pull(by(pull));
    BOOST_TEST(memory.out >= 2);
    push.emit(type);
    pull.emit(type);
    context.restart();
    context.run();
    BOOST_TEST(memory.out == 0);
  }
  BOOST_TEST(aborted == 6);
  pipeline.close();
  auto first = pipeline.async_pull(asio::use_future);
  auto end = pipeline.async_pull(asio::use_future);
  idle.run();
  BOOST_TEST(first.get()->value == 1);
  BOOST_TEST(!end.get());
}

BOOST_AUTO_TEST_CASE(destroying_the_context_after_any_number_of_steps_frees_everything) {
  const Journey journey;
  int steps = 0;
  for (bool ended = false; !ended; ++steps) {
    const NothingStays each;
    int results = 0;
    asio::io_context context;
    asio::co_spawn(context, travel(journey, results), [&](std::exception_ptr error) {
      BOOST_TEST(!error);
      BOOST_TEST(results == 2);
      ended = true;
    });
    for (int i = 0; i < steps && !ended; ++i) {
      context.run_one();
    }
  }
  BOOST_TEST(steps > 10);
}

BOOST_AUTO_TEST_CASE(cancelling_after_any_number_of_steps_ends_it_cleanly) {
  const Journey journey;
  int steps = 0;
  for (bool finished = false; !finished; ++steps) {
    const NothingStays each;
    int results = 0;
    bool ended = false;
    asio::io_context context;
    asio::cancellation_signal signal;
    asio::co_spawn(context, travel(journey, results),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                     ended = true;
                     finished = !error;
                   }));
    for (int i = 0; i < steps && !ended; ++i) {
      context.run_one();
    }
    signal.emit(asio::cancellation_type::terminal);
    context.run();
    BOOST_TEST(ended);
    BOOST_TEST((!finished || results == 2));
  }
  BOOST_TEST(steps > 10);
}

BOOST_AUTO_TEST_SUITE_END()
