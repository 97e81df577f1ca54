// What becomes of a run that waits between two of its stages.
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "coinfer/error.hpp"
#include "live.hpp"
#include "overtaken.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;

namespace {

using Values = std::vector<float>;

/// A model's run that is used again and again.
struct Run {
  OperationRef operation;

  explicit Run(const CompiledModel& model) : operation{new Operation{model.impl()}} {
    operation->outputs.resize(2);
  }
  void read(const Tensor& x) {
    operation->inputs = {x, Tensor::vector<std::int64_t>(std::array<std::int64_t, 1>{-1})};
  }
  void reset() const {
    wait_until_complete(*operation, std::nullopt, {});
    while (!operation->unique()) {
      std::this_thread::yield();  // whoever has ended it lets go
    }
    operation->reset();
  }
  void infer(const Tensor& x) {
    read(x);
    operation->run_inline();
    BOOST_REQUIRE((operation->computed().kind == Outcome::Kind::finished));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_stage)

BOOST_AUTO_TEST_CASE(a_run_that_is_cancelled_between_any_two_stages_leaves_nothing_to_the_next) {
  const auto model = compile(stages(5), {{"NUM_STREAMS", 1}, {"PERF_COUNT", true}});
  int cancelled = 0;
  for (bool ended = false; !ended;) {
    const NothingStays guard;
    Run run{model};
    // The first stage's output takes the place of what is read, so it is written at the end.
    const auto x = floats({1, 2, 3, 4});
    run.read(x);
    run.operation->outputs[0] = x;
    {
      const Overtaken overtaken{*run.operation, [&](int times) {
                                  if (times == cancelled + 1) {
                                    run.operation->cancel();
                                  }
                                }};
      run.operation->start();
      BOOST_REQUIRE(wait_until_complete(*run.operation, std::nullopt, {}));
    }
    ended = run.operation->computed().kind == Outcome::Kind::finished;
    BOOST_TEST((run.operation->stamps().started != std::chrono::steady_clock::time_point{}));
    BOOST_TEST((values_of(x) == (ended ? Values{2, 4, 6, 8} : Values{1, 2, 3, 4})));
    cancelled += ended ? 0 : 1;
    for (const float i : {10.F, 11.F, 12.F}) {
      run.reset();
      run.operation->outputs = {Tensor{ElementType::f32, {4}}, {}};
      run.infer(floats({i, 0, 0, 0}));
      BOOST_TEST((values_of(run.operation->outputs[0]) == Values{2 * i, 0, 0, 0}));
      BOOST_TEST((values_of(run.operation->outputs[1]) == Values{64 * i, 0, 0, 0}));
    }
  }
  BOOST_TEST(cancelled == 5);
}

BOOST_AUTO_TEST_CASE(a_run_that_is_cancelled_between_two_stages_holds_no_tensor) {
  const auto model = compile(stages(3), {{"NUM_STREAMS", 1}});
  for (int step = 1; step <= 3; ++step) {
    Run run{model};
    const auto bytes = std::make_shared<Values>(4);
    run.read(Tensor{ElementType::f32, Shape{4},
                    Memory::wrap(bytes->data(), 4 * sizeof(float), bytes, true)});
    const Overtaken overtaken{*run.operation, [&](int times) {
                                if (times == step) {
                                  run.operation->cancel();
                                }
                              }};
    run.operation->start();
    wait_until_complete(*run.operation, std::nullopt, {});
    BOOST_TEST((run.operation->computed().kind == Outcome::Kind::cancelled));
    BOOST_TEST(bytes.use_count() == 1);
  }
}

// It waits for a stream there, as before its first stage.
BOOST_DATA_TEST_CASE(a_blocking_run_is_stopped_between_two_stages,
                     (std::vector<std::string>{"cancelled", "interrupted"})) {
  const auto model = compile(stages(3), {{"NUM_STREAMS", 1}});
  for (int step = 1; step <= 3; ++step) {
    const NothingStays guard;
    Run run{model};
    run.read(floats({1, 2, 3, 4}));
    std::atomic<bool> ask{false};
    bool ended = false;
    const auto before = stats().runs;
    {
      const Overtaken overtaken{*run.operation, [&](int times) {
                                  if (times != step) {
                                    return;
                                  }
                                  while (stats().queued == 0) {
                                    std::this_thread::yield();
                                  }
                                  if (sample == "cancelled") {
                                    run.operation->cancel();
                                  } else {
                                    ask = true;
                                  }
                                  // The stream is taken as long as this lasts.
                                  const auto until = std::chrono::steady_clock::now() + 10s;
                                  while (!ended && std::chrono::steady_clock::now() < until) {
                                    ended = run.operation->state() == Operation::State::ended;
                                    std::this_thread::sleep_for(1ms);
                                  }
                                }};
      run.operation->run_inline([&] { return ask.load(); });
    }
    BOOST_TEST(ended);
    BOOST_TEST((run.operation->computed().kind == Outcome::Kind::cancelled));
    const auto after = stats().runs;
    BOOST_TEST(after.started - before.started == after.cancelled + after.finished + after.failed -
                                                     before.cancelled - before.finished -
                                                     before.failed);
    run.reset();
    run.operation->outputs.assign(2, {});
    run.infer(floats({1, 0, 0, 0}));
    BOOST_TEST((values_of(run.operation->outputs[1]) == Values{16, 0, 0, 0}));
  }
}

BOOST_AUTO_TEST_SUITE_END()
