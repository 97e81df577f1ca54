#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <ctime>
#include <future>
#include <thread>

#include "coinfer/batcher.hpp"
#include "coinfer/detail/wake_up.hpp"
#include "coinfer/error.hpp"
#include "coinfer/runtime.hpp"
#include "counting_allocator.hpp"
#include "live.hpp"
#include "runtime/batch_axis.hpp"
#include "runtime/compiled.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

using Results = std::vector<Tensor>;

/// sum = a + b, both [rows, columns] of any size.
CompiledModel adder(Properties config = {}) {
  return compile(one_add(PartialShape{Dimension{}, Dimension{}}), std::move(config));
}

Tensor rows(std::int64_t count, std::int64_t columns, float value) {
  Tensor tensor{ElementType::f32, Shape{count, columns}};
  std::fill_n(tensor.data<float>(), tensor.size(), value);
  return tensor;
}

std::vector<Tensor> pair(std::int64_t count, std::int64_t columns, float value) {
  return {rows(count, columns, value), rows(count, columns, 100)};
}

bool is(const Results& results, std::int64_t count, std::int64_t columns, float value) {
  return results.size() == 1 && results[0].shape() == Shape{count, columns} &&
         std::all_of(results[0].data<float>(), results[0].data<float>() + results[0].size(),
                     [&](float each) { return each == value + 100; });
}

/// A run of one stream that keeps the others waiting until it is cancelled.
class Occupied {
 public:
  explicit Occupied(const CompiledModel& model) : request_{model.create_infer_request()} {
    request_.start_async();
    while (request_.current()->state() != Operation::State::running) {
      std::this_thread::yield();
    }
  }
  ~Occupied() { request_.cancel(); }
  bool holds() const { return request_.current()->state() == Operation::State::running; }

 private:
  InferRequest request_;
};

/// Asks `count` times, all at once; `inputs` of each.
template <class Inputs>
std::vector<std::future<Results>> ask(Batcher batcher, int count, Inputs inputs) {
  std::vector<std::future<Results>> futures(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    futures[static_cast<std::size_t>(i)] = batcher.async_infer(inputs(i), asio::use_future);
  }
  return futures;
}

std::string text_of(std::exception_ptr error) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const std::exception& what) {
    return what.what();
  }
}

/// y = x W W …, x [rows, 256]: long enough that others come meanwhile.
Model slow_rows(int layers = 100) {
  GraphMaker make;
  auto value = make.input("x", PartialShape{Dimension{}, 256});
  Tensor weights{ElementType::f32, Shape{256, 256}};
  std::fill_n(weights.data<float>(), weights.size(), 1.0F / 256.0F);
  const auto w = make.constant(weights);
  for (int i = 0; i < layers; ++i) {
    value = make.node("MatMul", {value, w});
  }
  make.output(value, "y");
  return make.model();
}

/// y = table[index], index [rows]: an index out of range fails while it runs.
Model look_up() {
  GraphMaker make;
  Tensor table{ElementType::f32, Shape{4, 2}};
  for (int i = 0; i < 8; ++i) {
    table.data<float>()[i] = static_cast<float>(i);
  }
  const auto index = make.input("index", PartialShape{Dimension{}}, ElementType::i64);
  make.output(make.node("Gather", {make.constant(table), index}), "y");
  return make.model();
}

Tensor index(std::int64_t value) {
  return Tensor::vector<std::int64_t>(std::array<std::int64_t, 1>{value});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_batcher)

BOOST_AUTO_TEST_CASE(requests_at_once_run_together_and_each_gets_its_own_rows) {
  Batcher batcher{adder(), {.max_batch = 8, .max_delay = 10s}};
  auto futures = ask(batcher, 16, [](int i) { return pair(1, 3, static_cast<float>(i)); });
  for (int i = 0; i < 16; ++i) {
    BOOST_TEST(is(futures[static_cast<std::size_t>(i)].get(), 1, 3, static_cast<float>(i)));
  }
  const auto stats = batcher.stats();
  BOOST_TEST(stats.requests == 16U);
  BOOST_TEST(stats.batches == 2U);
  BOOST_TEST(stats.rows == 16U);
  BOOST_TEST(stats.padding == 0U);
  BOOST_TEST(stats.mean_size() == 8.0);
}

BOOST_AUTO_TEST_CASE(a_lone_request_waits_no_longer_than_max_delay_and_runs_where_it_lies) {
  Batcher batcher{adder(), {.max_batch = 8, .max_delay = 20ms}};
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(is(batcher.async_infer(pair(1, 3, 5), asio::use_future).get(), 1, 3, 5));
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 20ms));
  BOOST_TEST(batcher.stats().batches == 1U);
}

BOOST_AUTO_TEST_CASE(a_request_may_wait_for_others_for_ever_and_computes_nothing_meanwhile) {
  Batcher batcher{adder(), {.max_batch = 2, .max_delay = std::chrono::nanoseconds::max()}};
  auto first = batcher.async_infer(pair(1, 3, 5), asio::use_future);
  const auto computed = std::clock();
  BOOST_TEST((first.wait_for(200ms) == std::future_status::timeout));
  BOOST_TEST(std::clock() - computed < CLOCKS_PER_SEC / 10);
  BOOST_TEST(is(batcher.async_infer(pair(1, 3, 6), asio::use_future).get(), 1, 3, 6));
  BOOST_TEST(is(first.get(), 1, 3, 5));
}

BOOST_AUTO_TEST_CASE(requests_of_several_rows_and_other_shapes_find_their_batches) {
  const auto compiled = adder();
  Batcher batcher{compiled, {.max_batch = 8, .max_delay = 30ms}};
  const std::vector<std::pair<std::int64_t, std::int64_t>> shapes{{3, 2}, {1, 5}, {2, 2}, {8, 2},
                                                                  {1, 2}, {2, 5}, {5, 7}};
  const auto given = [&](int i) {
    const auto& [count, columns] = shapes[static_cast<std::size_t>(i)];
    return pair(count, columns, static_cast<float>(i));
  };
  auto futures = ask(batcher, static_cast<int>(shapes.size()), given);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto& [count, columns] = shapes[i];
    BOOST_TEST(is(futures[i].get(), count, columns, static_cast<float>(i)));
  }
}

BOOST_AUTO_TEST_CASE(plans_stay_few_whatever_the_number_of_rows) {
  const auto compiled = adder();
  Batcher batcher{compiled, {.max_batch = 16, .max_delay = 0ns}};
  for (int round = 0; round < 3; ++round) {
    for (std::int64_t count = 1; count <= 16; ++count) {
      BOOST_TEST(is(batcher.async_infer(pair(count, 3, 1), asio::use_future).get(), count, 3, 1));
    }
  }
  BOOST_TEST(compiled.impl()->plans_built() <= 5U);  // 1, 2, 4, 8, 16 rows
}

BOOST_AUTO_TEST_CASE(opening_makes_all_plans) {
  const auto compiled = compile(slow_rows(2));
  Batcher batcher{compiled, {.max_batch = 12}};
  BOOST_TEST(compiled.impl()->plans_built() == 0U);
  batcher.open();
  BOOST_TEST(compiled.impl()->plans_built() == 5U);  // 1, 2, 4, 8, 12 rows
  auto futures = ask(batcher, 40, [](int i) { return std::vector{rows(1 + i % 3, 256, 1)}; });
  for (auto& future : futures) {
    future.get();
  }
  BOOST_TEST(compiled.impl()->plans_built() == 5U);
}

BOOST_AUTO_TEST_CASE(a_batch_is_padded_by_less_than_a_third) {
  const runtime::BatchAxis axis{adder().inputs(), adder().outputs(), 32};
  BOOST_TEST(axis.sizes() == (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32}),
             boost::test_tools::per_element());
  for (std::int64_t count = 1; count <= 32; ++count) {
    const auto filled = axis.well_filled(count);
    const auto size = axis.size_for(filled);
    BOOST_TEST(filled <= count);
    BOOST_TEST(2 * filled >= count);
    BOOST_TEST(3 * (size - filled) < size);
  }
  BOOST_TEST(axis.well_filled(5) == 4);
  BOOST_TEST(axis.well_filled(6) == 6);
}

BOOST_AUTO_TEST_CASE(requests_collect_while_the_stream_is_busy) {
  const auto compiled = compile(slow_rows(), {{"NUM_STREAMS", 1}});
  Batcher batcher{compiled, {.max_batch = 16, .max_delay = 0ns}};
  batcher.open();
  std::vector<std::future<Results>> futures;
  futures.push_back(batcher.async_infer({rows(16, 256, 1)}, asio::use_future));
  while (batcher.stats().batches == 0) {
    std::this_thread::yield();
  }
  for (int i = 0; i < 16; ++i) {
    futures.push_back(batcher.async_infer({rows(1, 256, 1)}, asio::use_future));
  }
  for (auto& future : futures) {
    BOOST_TEST(future.get()[0].size() >= 256);
  }
  // One full batch, and unless this thread was held up for long, one of all that came meanwhile.
  BOOST_TEST(batcher.stats().batches < 17U);
}

BOOST_AUTO_TEST_CASE(a_request_that_does_not_fit_is_refused_by_name_and_disturbs_nobody) {
  Batcher batcher{adder(), {.max_batch = 4, .max_delay = 5ms}};
  auto good = batcher.async_infer(pair(1, 3, 1), asio::use_future);
  const auto refused = [&](std::vector<Tensor> inputs) {
    try {
      batcher.async_infer(std::move(inputs), asio::use_future).get();
    } catch (const Error& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };
  BOOST_TEST(refused({rows(1, 3, 1)}).find("2 inputs, 1 were given") != std::string::npos);
  BOOST_TEST(refused({rows(1, 3, 1), Tensor{}}).find("input 1 'b'") != std::string::npos);
  BOOST_TEST(refused({rows(1, 3, 1), index(1)}).find("input 1 'b'") != std::string::npos);
  BOOST_TEST(refused({rows(1, 3, 1), rows(2, 3, 1)}).find("input 1 'b': 2 rows") !=
             std::string::npos);
  BOOST_TEST(refused(pair(5, 3, 1)).find("1 to 4") != std::string::npos);
  BOOST_TEST(refused(pair(0, 3, 1)).find("1 to 4") != std::string::npos);
  BOOST_TEST(is(good.get(), 1, 3, 1));
}

BOOST_AUTO_TEST_CASE(a_model_without_a_batch_axis_is_refused_by_its_port) {
  const auto refused = [](const Model& model, BatcherOptions options = {}) {
    try {
      const Batcher batcher{compile(model), options};
    } catch (const Error& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };
  BOOST_TEST(refused(one_add(PartialShape{4, 3})).find("input 0 'a'") != std::string::npos);
  BOOST_TEST(refused(one_add(PartialShape{})).find("input 0 'a'") != std::string::npos);
  BOOST_TEST(refused(one_add(PartialShape{Dimension{1, 8}, 3})).find("1 to 32") !=
             std::string::npos);
  BOOST_TEST(refused(one_add(PartialShape{Dimension{1, 8}, 3}), {.max_batch = 8}).empty());
  BOOST_TEST(refused(one_add(PartialShape{Dimension{}}), {.max_batch = 0}).find("max_batch is 0") !=
             std::string::npos);
  for (const std::int64_t max_batch : {std::int64_t{largest_batch + 1}, INT64_MAX, INT64_MIN}) {
    BOOST_TEST(refused(one_add(PartialShape{Dimension{}}), {.max_batch = max_batch})
                   .find(fmt::format("max_batch is {}; 1 to 4096", max_batch)) !=
               std::string::npos);
  }
  BOOST_TEST(refused(one_add(PartialShape{Dimension{}}), {.max_batch = largest_batch}).empty());
  BOOST_TEST(refused(one_add(PartialShape{Dimension{}}), {.max_delay = -1ns}).find("max_delay") !=
             std::string::npos);

  GraphMaker total;
  const auto x = total.input("x", PartialShape{Dimension{}, 3});
  total.output(total.node("ReduceSum", {x}, {}), "total");
  BOOST_TEST(refused(total.model()).find("output 0 'total'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_output_whose_rows_are_not_the_batchs_is_found_when_it_opens) {
  GraphMaker make;
  const auto x = make.input("x", PartialShape{Dimension{}, 3});
  graph::Attributes along_rows;
  along_rows.set("axis", std::int64_t{0});
  make.output(make.node("Concat", {x, x}, along_rows), "twice");
  Batcher batcher{compile(make.model()), {.max_batch = 4, .max_delay = 0ns}};
  BOOST_CHECK_EXCEPTION(batcher.open(), Error, [](const Error& error) {
    return std::string{error.what()}.find("output 0 'twice' lacks the batch axis") !=
           std::string::npos;
  });
  BOOST_CHECK_THROW(batcher.async_infer({rows(1, 3, 1)}, asio::use_future).get(), Error);
}

BOOST_AUTO_TEST_CASE(of_a_failed_batch_only_those_fail_that_cannot_run) {
  Batcher batcher{compile(look_up()), {.max_batch = 8, .max_delay = 10s}};
  const auto wanted = [](int i) { return i == 3 || i == 6 ? 99 : i % 4; };
  auto futures = ask(batcher, 8, [&](int i) { return std::vector{index(wanted(i))}; });
  for (int i = 0; i < 8; ++i) {
    auto& future = futures[static_cast<std::size_t>(i)];
    if (i == 3 || i == 6) {
      BOOST_CHECK_THROW(future.get(), Error);
    } else {
      BOOST_TEST(future.get()[0].data<float>()[1] == static_cast<float>(2 * (i % 4) + 1));
    }
  }
  BOOST_TEST(batcher.stats().retries == 8U);
}

BOOST_AUTO_TEST_CASE(a_cancelled_request_drops_out_of_those_that_wait) {
  Batcher batcher{adder(), {.max_batch = 3, .max_delay = 10s}};
  asio::io_context context;
  asio::cancellation_signal signal;
  std::string text;
  auto first = batcher.async_infer(pair(1, 3, 1), asio::use_future);
  batcher.async_infer(pair(1, 3, 2),
                      asio::bind_cancellation_slot(
                          signal.slot(), asio::bind_executor(context, [&](std::exception_ptr error,
                                                                          const Results& results) {
                            BOOST_TEST(results.empty());
                            text = text_of(error);
                          })));
  signal.emit(asio::cancellation_type::total);
  context.run();
  BOOST_TEST(text == "the inference was cancelled");
  auto third = batcher.async_infer(pair(1, 3, 3), asio::use_future);
  auto fourth = batcher.async_infer(pair(1, 3, 4), asio::use_future);
  BOOST_TEST(is(first.get(), 1, 3, 1));
  BOOST_TEST(is(third.get(), 1, 3, 3));
  BOOST_TEST(is(fourth.get(), 1, 3, 4));
  BOOST_TEST(batcher.stats().rows == 3U);
}

BOOST_AUTO_TEST_CASE(a_running_batch_stops_when_all_its_requests_are_cancelled) {
  const auto compiled = compile(slow_rows(4000), {{"NUM_STREAMS", 1}});
  for (const int members : {1, 4}) {
    Batcher batcher{compiled, {.max_batch = members, .max_delay = 10s}};
    std::vector<OperationRef> operations;
    for (int i = 0; i < members; ++i) {
      const OperationRef operation{new Operation{compiled.impl()}};
      operation->inputs = {rows(1, 256, 1)};
      operations.push_back(operation);
    }
    for (const auto& operation : operations) {
      batcher.start(operation);
    }
    while (batcher.stats().batches == 0) {
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(5ms);
    for (const auto& operation : operations) {
      operation->cancel();
      operation->cancel();
    }
    for (const auto& operation : operations) {
      BOOST_TEST(wait_until_complete(*operation, std::chrono::steady_clock::now() + 60s, {}));
      BOOST_TEST(operation->inputs.empty());
    }
    batcher.close();
    BOOST_TEST(batcher.stats().retries == 0U);
  }
}

/// Puts off a wake-up when it is told, as a loop's mailbox does, and notes how many were told when
/// it came.
struct Sleeper : Continuation, detail::WakeUp {
  int* told = nullptr;
  int told_when_woken = 0;
  const Sleeper* before = nullptr;  ///< it was woken before this one runs somebody else's code

  Sleeper() {
    quick = true;
    fire = [](Continuation* self, const Outcome&) noexcept {
      auto& sleeper = *static_cast<Sleeper*>(self);
      if (sleeper.before != nullptr) {
        BOOST_TEST(sleeper.before->told_when_woken == *sleeper.told);
      }
      ++*sleeper.told;
      auto* const together = detail::WakeUpsTogether::current();
      BOOST_TEST((together != nullptr) == (sleeper.before == nullptr));
      if (together != nullptr) {
        together->put_off(sleeper);
      }
    };
    wake = [](WakeUp* self) noexcept {
      auto& sleeper = *static_cast<Sleeper*>(self);
      sleeper.told_when_woken = *sleeper.told;
    };
  }
};

BOOST_AUTO_TEST_CASE(who_waits_for_several_of_a_batch_is_woken_when_all_are_told) {
  const auto model = adder();
  for (const bool calls_out : {false, true}) {
    Batcher batcher{model, {.max_batch = 4, .max_delay = 10s}};
    batcher.open();
    int told = 0;
    std::vector<Sleeper> sleepers(4);
    std::vector<OperationRef> operations;
    for (std::size_t i = 0; i < 4; ++i) {
      sleepers[i].told = &told;
      operations.emplace_back(new Operation{model.impl()});
      operations[i]->inputs = pair(1, 3, 1);
      operations[i]->completion.attach(sleepers[i]);
    }
    // Somebody else's code does not keep the first ones asleep, and puts nobody off.
    sleepers[2].quick = !calls_out;
    sleepers[2].before = calls_out ? &sleepers[1] : nullptr;
    for (const auto& operation : operations) {
      batcher.start(operation);
    }
    batcher.close();
    for (std::size_t i = 0; i < 4; ++i) {
      BOOST_TEST(sleepers[i].told_when_woken == (!calls_out || i == 3 ? 4 : i == 2 ? 0 : 2));
    }
  }
}

BOOST_AUTO_TEST_CASE(tellers_within_tellers_wake_on_their_own) {
  using detail::WakeUpsTogether;
  int told = 1;
  Sleeper outer_sleeper;
  Sleeper inner_sleeper;
  outer_sleeper.told = inner_sleeper.told = &told;
  {
    const WakeUpsTogether outer;
    WakeUpsTogether::current()->put_off(outer_sleeper);
    {
      const WakeUpsTogether inner;
      WakeUpsTogether::current()->put_off(inner_sleeper);
    }
    BOOST_TEST(inner_sleeper.told_when_woken == 1);
    BOOST_TEST(outer_sleeper.told_when_woken == 0);
    BOOST_TEST(WakeUpsTogether::current() == &outer);
    told = 2;
    {
      const WakeUpsTogether::Interruption interruption;
      BOOST_TEST(outer_sleeper.told_when_woken == 2);
      const WakeUpsTogether inner;
      WakeUpsTogether::current()->put_off(inner_sleeper);
    }
    BOOST_TEST(inner_sleeper.told_when_woken == 2);
    told = 3;
    WakeUpsTogether::current()->put_off(outer_sleeper);
  }
  BOOST_TEST(outer_sleeper.told_when_woken == 3);
  BOOST_TEST(WakeUpsTogether::current() == nullptr);
}

BOOST_AUTO_TEST_CASE(the_higher_priority_goes_first_when_more_wait_than_fit) {
  const auto compiled = compile(slow_rows(), {{"NUM_STREAMS", 1}});
  Batcher batcher{compiled, {.max_batch = 4, .max_delay = 0ns}};
  batcher.open();
  std::vector<OperationRef> operations;
  for (std::size_t i = 0; i < 9; ++i) {
    const OperationRef operation{new Operation{compiled.impl()}};
    // One that fills a batch keeps the stream busy; the last four are urgent.
    operation->inputs = {rows(i == 0 ? 4 : 1, 256, 1)};
    operation->priority = i >= 5 ? 1 : 0;
    operations.push_back(operation);
  }
  // Whoever occupies the stream keeps them all waiting until they are there.
  auto occupied =
      std::make_unique<Occupied>(compile(slow(2000), {{"PERFORMANCE_HINT", "LATENCY"}}));
  for (const auto& operation : operations) {
    batcher.start(operation);
  }
  BOOST_TEST(occupied->holds());
  occupied.reset();
  batcher.close();
  // When they began: a worker that is kept waiting tells of a batch after the next one has ended.
  const auto began = [&](std::size_t i) { return operations[i]->stamps().started; };
  for (std::size_t i = 0; i < 9; ++i) {
    BOOST_TEST((operations[i]->state() == Operation::State::ended));
  }
  for (std::size_t low = 1; low < 5; ++low) {
    for (std::size_t high = 5; high < 9; ++high) {
      BOOST_TEST((began(high) < began(low)));
    }
  }
}

BOOST_AUTO_TEST_CASE(closing_answers_what_waits_and_refuses_more) {
  Batcher batcher{adder(), {.max_batch = 32, .max_delay = 1h}};
  auto futures = ask(batcher, 5, [](int i) { return pair(1, 3, static_cast<float>(i)); });
  auto closed = batcher.async_close(asio::use_future);
  batcher.close();
  closed.get();
  for (int i = 0; i < 5; ++i) {
    BOOST_TEST((futures[static_cast<std::size_t>(i)].wait_for(0s) == std::future_status::ready));
    BOOST_TEST(is(futures[static_cast<std::size_t>(i)].get(), 1, 3, static_cast<float>(i)));
  }
  BOOST_CHECK_THROW(batcher.async_infer(pair(1, 3, 1), asio::use_future).get(), Error);
  BOOST_CHECK_THROW(batcher.open(), Error);
  BOOST_CHECK_THROW(batcher.async_open(asio::use_future).get(), Error);
  batcher.close();
}

BOOST_AUTO_TEST_CASE(a_dropped_batcher_answers_what_it_was_asked) {
  std::future<Results> future;
  {
    Batcher batcher{adder(), {.max_batch = 32, .max_delay = 5ms}};
    future = batcher.async_infer(pair(1, 3, 7), asio::use_future);
  }
  BOOST_TEST(is(future.get(), 1, 3, 7));
}

BOOST_AUTO_TEST_CASE(any_completion_token_serves) {
  Batcher batcher{adder(), {.max_batch = 4, .max_delay = 0ns}};
  asio::io_context context;
  int done = 0;
  asio::co_spawn(
      context,
      [](Batcher batcher, int& done) -> asio::awaitable<void> {
        co_await batcher.async_open(asio::use_awaitable);
        BOOST_TEST(is(co_await batcher.async_infer(pair(1, 3, 1), asio::use_awaitable), 1, 3, 1));
        BOOST_TEST(
            is(co_await batcher.async_infer(pair(2, 3, 2), asio::deferred)(asio::use_awaitable), 2,
               3, 2));
        bool refused = false;
        try {
          co_await batcher.async_infer({}, asio::use_awaitable);
        } catch (const Error&) {
          refused = true;
        }
        BOOST_TEST(refused);
        co_await batcher.async_close(asio::use_awaitable);
        ++done;
      }(batcher, done),
      asio::detached);
  context.run();
  BOOST_TEST(done == 1);
}

BOOST_AUTO_TEST_CASE(a_coroutine_that_is_cancelled_at_any_step_leaves_nothing_behind) {
  const auto compiled = compile(slow_rows(4));
  bool cancelled_once = false;
  bool finished_once = false;
  for (int step = 0; step < 200 && !(cancelled_once && finished_once && step > 20); ++step) {
    Batcher batcher{compiled, {.max_batch = 4, .max_delay = 100us}};
    asio::io_context context;
    asio::cancellation_signal signal;
    bool over = false;
    asio::co_spawn(
        context,
        [](Batcher batcher) -> asio::awaitable<void> {
          co_await batcher.async_open(asio::use_awaitable);
          for (int i = 0; i < 3; ++i) {
            co_await batcher.async_infer({rows(1 + i, 256, 1)}, asio::use_awaitable);
          }
        }(batcher),
        asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
          over = true;
          (error ? cancelled_once : finished_once) = true;
        }));
    for (int i = 0; i < step && !over; ++i) {
      context.run_one();
    }
    if (!over) {
      signal.emit(asio::cancellation_type::terminal);
    }
    context.run();
    BOOST_TEST(over);
    BOOST_TEST(is(ask(batcher, 1, [](int) { return std::vector{rows(1, 256, 1)}; })[0].get(), 1,
                  256, -99));
  }
  BOOST_TEST(cancelled_once);
  BOOST_TEST(finished_once);
}

BOOST_AUTO_TEST_CASE(a_coroutine_whose_context_goes_at_any_step_leaves_nothing_behind) {
  const auto compiled = adder();
  int steps = 0;
  for (bool ended = false; !ended; ++steps) {
    const NothingStays each;
    Batcher batcher{compiled, {.max_batch = 4, .max_delay = 100us}};
    {
      asio::io_context context;
      asio::co_spawn(
          context,
          [](Batcher mine, Counted) -> asio::awaitable<void> {
            co_await mine.async_open(asio::use_awaitable);
            for (int i = 0; i < 3; ++i) {
              co_await mine.async_infer(pair(1 + i, 3, 1), asio::use_awaitable);
            }
            co_await mine.async_close(asio::use_awaitable);
          }(batcher, Counted{1}),
          [&](std::exception_ptr error) {
            BOOST_TEST(!error);
            ended = true;
          });
      for (int i = 0; i < steps && !ended; ++i) {
        context.run_one();
      }
    }
    BOOST_TEST(Counted::alive == 0);
    batcher.close();  // returns when all that was asked for is over
  }
  BOOST_TEST(steps > 6);
}

BOOST_AUTO_TEST_CASE(a_coroutine_whose_context_goes_first_is_freed_and_the_batch_goes_on) {
  Batcher batcher{adder(), {.max_batch = 2, .max_delay = 10s}};
  const auto alive = std::make_shared<int>();
  {
    asio::io_context context;
    asio::co_spawn(
        context,
        [](Batcher batcher, std::shared_ptr<int>) -> asio::awaitable<void> {
          co_await batcher.async_infer(pair(1, 3, 1), asio::use_awaitable);
        }(batcher, alive),
        asio::detached);
    context.run_one();
    while (batcher.stats().requests == 0) {
      context.run_one();
    }
    BOOST_TEST(alive.use_count() > 1);
  }
  BOOST_TEST(alive.use_count() == 1);
  BOOST_TEST(is(batcher.async_infer(pair(1, 3, 2), asio::use_future).get(), 1, 3, 2));
  BOOST_TEST(batcher.stats().rows == 2U);
}

BOOST_AUTO_TEST_CASE(a_deadline_takes_a_request_out_of_those_that_wait) {
  const auto compiled = adder();
  Batcher batcher{compiled, {.max_batch = 4, .max_delay = 1h}};
  for (const auto time : {0ms, 20ms}) {
    const OperationRef operation{new Operation{compiled.impl()}};
    operation->inputs = pair(1, 3, 1);
    operation->deadline = std::chrono::steady_clock::now() + time;
    batcher.start(operation);
    BOOST_TEST(wait_until_complete(*operation, std::chrono::steady_clock::now() + 60s, {}));
    BOOST_CHECK_THROW(operation->completion.outcome().get(), DeadlineExceeded);
  }
  BOOST_TEST(batcher.stats().batches == 0U);
}

BOOST_AUTO_TEST_CASE(a_waiting_handler_lies_in_memory_of_its_allocator) {
  Batcher batcher{adder(), {.max_batch = 4, .max_delay = 0ns}};
  asio::io_context context;
  Allocations memory;
  int out_when_called = -1;
  batcher.async_infer(
      pair(1, 3, 1),
      counted(memory, asio::bind_executor(context, [&](std::exception_ptr, const Results&) {
                out_when_called = memory.out;
              })));
  BOOST_TEST(memory.given >= 1);
  context.run();
  BOOST_TEST(out_when_called == 0);
  BOOST_TEST(memory.out == 0);
}

BOOST_AUTO_TEST_CASE(a_slice_of_a_batch_does_not_pin_the_batch) {
  Batcher batcher{adder(), {.max_batch = 4, .max_delay = 10s}};
  auto futures = ask(batcher, 4, [](int) { return pair(1, 64, 1); });
  for (auto& future : futures) {
    BOOST_TEST(future.get()[0].memory()->bytes() <= 64 * sizeof(float));
  }
}

BOOST_AUTO_TEST_CASE(results_of_a_padded_request_stay_as_they_are) {
  Batcher batcher{adder(), {.max_batch = 4, .max_delay = 0ns}};
  std::vector<Results> all(6);
  for (std::size_t i = 0; i < 6; ++i) {
    all[i] = batcher.async_infer(pair(3, 5, static_cast<float>(i)), asio::use_future).get();
  }
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST(is(all[i], 3, 5, static_cast<float>(i)));
  }
  BOOST_TEST(batcher.stats().padding == 6U);
}

BOOST_AUTO_TEST_CASE(strided_inputs_are_joined_row_by_row) {
  Batcher batcher{adder(), {.max_batch = 2, .max_delay = 10s}};
  const auto wide = rows(1, 6, 3);
  wide.data<float>()[4] = -1;  // not in the part
  auto first = batcher.async_infer({wide.roi({0, 1}, {1, 4}), rows(1, 3, 100)}, asio::use_future);
  auto second = batcher.async_infer(pair(1, 3, 2), asio::use_future);
  BOOST_TEST(is(first.get(), 1, 3, 3));
  BOOST_TEST(is(second.get(), 1, 3, 2));
}

BOOST_AUTO_TEST_CASE(many_threads_and_cancellations_lose_nobody) {
  const auto compiled = adder({{"PERFORMANCE_HINT", "THROUGHPUT"}});
  Batcher batcher{compiled, {.max_batch = 8, .max_delay = 200us}};
  std::atomic<int> answered{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads(4);
  for (int t = 0; t < 4; ++t) {
    threads[static_cast<std::size_t>(t)] = std::thread([&, t] {
      asio::io_context context;
      std::array<asio::cancellation_signal, 300> signals;
      for (int i = 0; i < 300; ++i) {
        const auto count = 1 + i % 3;
        const auto columns = 1 + (i + t) % 2;
        auto& signal = signals[static_cast<std::size_t>(i)];
        batcher.async_infer(
            pair(count, columns, static_cast<float>(i)),
            asio::bind_cancellation_slot(
                signal.slot(),
                asio::bind_executor(context, [&, i, count, columns](std::exception_ptr error,
                                                                    const Results& results) {
                  ++answered;
                  if (!error && !is(results, count, columns, static_cast<float>(i))) {
                    ++wrong;
                  }
                })));
        if (i % 7 == 0) {
          signal.emit(asio::cancellation_type::terminal);
        }
      }
      context.run();
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  BOOST_TEST(answered == 1200);
  BOOST_TEST(wrong == 0);
  batcher.close();
}

BOOST_AUTO_TEST_CASE(nothing_stays_of_a_batcher_that_nobody_holds) {
  Batcher batcher{adder(), {.max_batch = 4, .max_delay = 1ms}};
  auto first = batcher.async_infer(pair(1, 3, 1), asio::use_future);
  batcher.async_infer(pair(1, 3, 1), asio::detached);
  first.get();
}

BOOST_AUTO_TEST_SUITE_END()
