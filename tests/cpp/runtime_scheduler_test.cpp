#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <future>
#include <latch>
#include <random>
#include <thread>

#include "coinfer/error.hpp"
#include "kernels/parallel.hpp"
#include "plan/lowering.hpp"
#include "runtime/process.hpp"
#include "runtime/scheduler.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;

namespace {

using Time = std::chrono::steady_clock::time_point;

/// Occupies every compute slot until it is let go.
class Blocker {
 public:
  Blocker()
      : request_{
            compile(slow(500, 1024), {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request()} {
    request_.start_async();
    while (request_.current()->state() != Operation::State::running) {
      std::this_thread::yield();
    }
  }
  Blocker(const Blocker&) = delete;
  Blocker& operator=(const Blocker&) = delete;
  ~Blocker() { let_go(); }

  void let_go() {
    request_.cancel();
    wait_until_complete(*request_.current(), std::nullopt, {});
  }

 private:
  InferRequest request_;
};

/// A model that takes all slots for a run, so that runs come one after another.
CompiledModel exclusive() { return compile(slow(2, 64), {{"PERFORMANCE_HINT", "LATENCY"}}); }

Time started(const InferRequest& request) { return request.current()->stamps().started; }

/// Counts the threads that compute: an operator that copies its input, on all of its threads.
struct Watched {
  static inline std::atomic<int> now{0};
  static inline std::atomic<int> most{0};    ///< at any time
  static inline std::atomic<int> widest{0};  ///< that a plan was made for, of those that ran

  static bool lower(plan::Lowering& lowering, const graph::Node& node) {
    const auto src = lowering.plain(node.inputs[0]);
    const auto dst = lowering.destination(node.outputs[0]);
    const auto count = lowering.dims(node.inputs[0]).elements();
    const auto kernel = [count, threads = lowering.threads()](const void* const* from,
                                                              void* const* to) {
      raise(widest, threads);
      kernels::parallel(count, 1, threads, [&](std::int64_t begin, std::int64_t end) {
        raise(most, ++now);
        std::copy_n(static_cast<const float*>(from[0]) + begin, end - begin,
                    static_cast<float*>(to[0]) + begin);
        const auto until = std::chrono::steady_clock::now() + 20us;
        while (std::chrono::steady_clock::now() < until) {
          __builtin_ia32_pause();
        }
        --now;
      });
    };
    lowering.add(kernel, {&src, 1}, {&dst, 1});
    return true;
  }

 private:
  static void raise(std::atomic<int>& number, int to) {
    auto before = number.load();
    while (before < to && !number.compare_exchange_weak(before, to)) {
    }
  }
};

const ops::Register watched_operator{
    {.type = "Watched",
     .infer = [](ops::InferContext& ctx) { ctx.output(0, ctx.type(0), ctx.shape(0)); },
     .lower = Watched::lower,
     .domain = "test"}};

Model watched(int layers) {
  GraphMaker make;
  auto value = make.input("x", PartialShape{1 << 16});
  for (int i = 0; i < layers; ++i) {
    value = make.node("Watched", {value}, {}, "test");
  }
  make.output(value, "out");
  return make.model();
}

/// A run without steps that calls `held` as soon as it has its stream.
struct Holding : Binder {
  OperationRef operation;
  std::function<void()> held;

  Holding(const CompiledModel& model, std::function<void()> call)
      : operation{new Operation{model.impl()}}, held{std::move(call)} {
    Binder::bind = [](Binder* self, Operation&) {
      static_cast<Holding*>(self)->held();
      throw Cancelled{};
    };
    operation->binder = this;
  }
  void wait_until_running() const {
    while (operation->state() != Operation::State::running) {
      std::this_thread::yield();
    }
  }
};

/// Runs of a model, each of which goes on when all have their streams.
class Meeting {
 public:
  Meeting(const CompiledModel& model, int count) : met_{count} {
    for (int i = 0; i < count; ++i) {
      runs_.push_back(std::make_unique<Holding>(model, [this] { come(); }));
    }
  }
  void start() {
    for (const auto& run : runs_) {
      run->operation->start();
    }
  }
  /// False when one was still missing after some seconds.
  bool all_met() {
    for (const auto& run : runs_) {
      wait_until_complete(*run->operation, std::nullopt, {});
    }
    return all_met_;
  }

 private:
  void come() {
    met_.count_down();
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (!met_.try_wait() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(1ms);
    }
    if (!met_.try_wait()) {
      all_met_ = false;
    }
  }

  std::latch met_;
  std::atomic<bool> all_met_{true};
  std::vector<std::unique_ptr<Holding>> runs_;
};

std::vector<InferRequest> requests_of(const CompiledModel& model, int count) {
  std::vector<InferRequest> requests;
  requests.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    requests.push_back(model.create_infer_request());
  }
  return requests;
}

void wait_for_all(std::vector<InferRequest>& requests) {
  for (auto& request : requests) {
    request.wait();
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_scheduler)

BOOST_AUTO_TEST_CASE(runs_of_a_model_start_in_the_order_they_were_queued) {
  auto requests = requests_of(exclusive(), 20);
  Blocker blocker;
  for (auto& request : requests) {
    request.start_async();
    BOOST_TEST((request.current()->state() == Operation::State::queued));
  }
  blocker.let_go();
  wait_for_all(requests);
  for (std::size_t i = 1; i < requests.size(); ++i) {
    BOOST_TEST((started(requests[i - 1]) <= started(requests[i])));
  }
}

BOOST_AUTO_TEST_CASE(models_take_turns) {
  auto a = requests_of(exclusive(), 6);
  auto b = requests_of(exclusive(), 6);
  Blocker blocker;
  for (auto& request : a) {
    request.start_async();
  }
  for (auto& request : b) {
    request.start_async();
  }
  blocker.let_go();
  wait_for_all(a);
  wait_for_all(b);
  // Between two runs of one model the other had its turn.
  for (std::size_t i = 1; i < 6; ++i) {
    const auto of_b = std::ranges::count_if(b, [&](const InferRequest& request) {
      return started(a[i - 1]) <= started(request) && started(request) <= started(a[i]);
    });
    BOOST_TEST(of_b == 1);
  }
}

BOOST_AUTO_TEST_CASE(a_higher_priority_goes_before_all_that_wait) {
  auto low = requests_of(exclusive(), 10);
  const auto model = low[0].compiled_model();
  auto high = requests_of(model, 3);
  Blocker blocker;
  for (auto& request : low) {
    request.start({.priority = -1});
  }
  high[0].start({.priority = 1});
  high[1].start({.priority = 2});
  high[2].start({.priority = 1});
  blocker.let_go();
  wait_for_all(low);
  wait_for_all(high);
  BOOST_TEST((started(high[1]) <= started(high[0])));
  BOOST_TEST((started(high[0]) <= started(high[2])));
  for (const auto& request : low) {
    BOOST_TEST((started(high[2]) <= started(request)));
  }
}

BOOST_AUTO_TEST_CASE(models_of_higher_priority_go_first) {
  const auto of_priority = [](const char* priority) {
    return compile(slow(2, 64), {{"PERFORMANCE_HINT", "LATENCY"}, {"MODEL_PRIORITY", priority}});
  };
  auto low = requests_of(of_priority("LOW"), 4);
  auto medium = requests_of(of_priority("DEFAULT"), 4);
  auto high = requests_of(of_priority("HIGH"), 4);
  Blocker blocker;
  for (auto* requests : {&low, &medium, &high}) {
    for (auto& request : *requests) {
      request.start_async();
    }
  }
  blocker.let_go();
  for (auto* requests : {&low, &medium, &high}) {
    wait_for_all(*requests);
  }
  BOOST_TEST((started(high.back()) <= started(medium.front())));
  BOOST_TEST((started(medium.back()) <= started(low.front())));
}

BOOST_AUTO_TEST_CASE(released_memory_is_taken_again_by_runs_that_wait_or_come) {
  auto requests = requests_of(exclusive(), 8);
  const auto model = requests[0].compiled_model();
  for (auto& request : requests) {
    request.start_async();
    model.release_memory();
  }
  wait_for_all(requests);
  model.release_memory();
  requests[0].infer();
}

BOOST_AUTO_TEST_CASE(a_high_priority_does_not_wait_for_a_saturated_models_queue) {
  const auto model = exclusive();
  auto low = requests_of(model, 16);
  std::atomic<bool> go_on{true};
  std::mutex mutex;
  std::vector<Time> low_starts;
  for (auto& request : low) {
    request.set_callback([&, mine = &request](std::exception_ptr) {
      const std::lock_guard lock{mutex};
      low_starts.push_back(started(*mine));
      if (go_on) {
        mine->start_async();
      }
    });
    request.start_async();
  }
  auto high = model.create_infer_request();
  std::vector<std::pair<Time, Time>> waits;
  for (int i = 0; i < 20; ++i) {
    high.start({.priority = 1});
    high.wait();
    waits.emplace_back(high.current()->stamps().queued, started(high));
  }
  go_on = false;
  for (auto& request : low) {
    while (request.busy()) {
      request.wait();
    }
    request.wait();
    request.set_callback(nullptr);
  }
  // Behind the others it would wait for 15 runs each time. One may be let in while it is put into
  // the queue, and more when this thread loses its core just then, which cannot be so mostly.
  const auto at_once = std::ranges::count_if(waits, [&](const auto& wait) {
    return std::ranges::count_if(
               low_starts, [&](Time time) { return wait.first < time && time < wait.second; }) <= 1;
  });
  BOOST_TEST(at_once >= 10);
}

BOOST_AUTO_TEST_CASE(never_more_threads_compute_than_allowed_whatever_the_number_of_models) {
  const int slots = runtime::compute_slots();
  struct Load {
    CompiledModel model;
    std::vector<InferRequest> requests;
  };
  std::vector<Load> loads;
  const auto add = [&](const Properties& config) {
    auto model = compile(watched(10), config);
    auto requests = requests_of(model, 4);
    loads.push_back({std::move(model), std::move(requests)});
  };
  for (int i = 0; i < 3; ++i) {
    add({{"PERFORMANCE_HINT", "THROUGHPUT"}});
    add({{"PERFORMANCE_HINT", "LATENCY"}});
    add({{"INFERENCE_NUM_THREADS", 1}, {"NUM_STREAMS", 1}});
  }
  Watched::most = 0;
  // Streams' runs and blocking callers together.
  std::vector<std::thread> callers;
  callers.reserve(loads.size());
  for (auto& load : loads) {
    callers.emplace_back([&] {
      auto request = load.model.create_infer_request();
      for (int i = 0; i < 10; ++i) {
        request.infer();
      }
    });
  }
  for (int round = 0; round < 10; ++round) {
    for (auto& load : loads) {
      for (auto& request : load.requests) {
        request.start_async();
      }
    }
    for (auto& load : loads) {
      wait_for_all(load.requests);
    }
  }
  for (auto& caller : callers) {
    caller.join();
  }
  BOOST_TEST(Watched::most <= slots);
  BOOST_TEST(Watched::most >= std::min(slots, 2));
}

BOOST_AUTO_TEST_CASE(hints_and_numbers_decide_on_streams_and_their_threads) {
  const int slots = runtime::compute_slots();
  const auto number = [](const CompiledModel& model, const char* name) {
    return static_cast<int>(std::get<std::int64_t>(model.get_property(name).value()));
  };
  struct Case {
    Properties config;
    int streams;
    int threads;  // of each
  };
  const int both = std::min(slots, 2);
  const Case cases[] = {
      {{{"PERFORMANCE_HINT", "LATENCY"}}, 1, slots},
      {{{"PERFORMANCE_HINT", "THROUGHPUT"}}, slots, 1},
      {{{"NUM_STREAMS", 1}, {"INFERENCE_NUM_THREADS", 1}}, 1, 1},
      {{{"NUM_STREAMS", 2}, {"INFERENCE_NUM_THREADS", 2}}, both, 1},
      {{{"NUM_STREAMS", 1}, {"INFERENCE_NUM_THREADS", 2}}, 1, both},
      {{{"NUM_STREAMS", 64}, {"INFERENCE_NUM_THREADS", 64}}, slots, 1},
      {{{"PERFORMANCE_HINT", "THROUGHPUT"}, {"PERFORMANCE_HINT_NUM_REQUESTS", 1}}, 1, slots},
  };
  for (const auto& [config, streams, threads] : cases) {
    const auto model = compile(watched(20), config);
    BOOST_TEST(number(model, "NUM_STREAMS") == streams);
    BOOST_TEST(number(model, "OPTIMAL_NUMBER_OF_INFER_REQUESTS") == streams);
    // Alone, a run computes on the threads of its stream.
    auto request = model.create_infer_request();
    Watched::most = 0;
    Watched::widest = 0;
    for (int i = 0; i < 200 && Watched::most < threads; ++i) {
      request.infer();
    }
    BOOST_TEST(Watched::most == threads);
    BOOST_TEST(Watched::widest == threads);
    // As many as there are streams begin although none has ended.
    Meeting meeting{model, streams};
    meeting.start();
    BOOST_TEST(meeting.all_met());
  }
}

BOOST_DATA_TEST_CASE(all_runs_that_find_a_stream_start_at_once_whoever_gives_it_back,
                     (std::vector<std::string>{"a run", "a blocking run", "a compilation"})) {
  const int slots = runtime::compute_slots();
  Meeting meeting{compile(one_add(), {{"PERFORMANCE_HINT", "THROUGHPUT"}}), slots};
  if (sample == "a run") {
    Blocker blocker;
    meeting.start();
    blocker.let_go();
  } else if (sample == "a blocking run") {
    auto request =
        compile(slow(500, 1024), {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request();
    std::thread caller{[&] { BOOST_CHECK_THROW(request.infer(), Cancelled); }};
    while (stats().free_slots != 0) {
      std::this_thread::yield();
    }
    meeting.start();
    request.cancel();
    caller.join();
  } else {
    const auto model = exclusive();
    const OperationRef compilation{new Operation{model.impl()}};
    auto& scheduler = runtime::process_scheduler();
    scheduler.acquire(*compilation, runtime::Scheduler::Purpose::compilation);
    meeting.start();
    scheduler.release(*compilation);
  }
  BOOST_TEST(meeting.all_met());
}

BOOST_AUTO_TEST_CASE(runs_that_were_held_back_for_a_larger_one_start_when_it_is_cancelled) {
  const int slots = runtime::compute_slots();
  if (slots < 2) {
    return;  // no lease is larger than another one
  }
  const auto small = compile(one_add(), {{"PERFORMANCE_HINT", "THROUGHPUT"}});
  auto large = exclusive().create_infer_request();
  std::promise<void> go_on;
  Holding held{small, [&] { go_on.get_future().wait_for(10s); }};
  held.operation->start();
  held.wait_until_running();
  large.start_async();
  auto request = small.create_infer_request();
  for (int i = 0; i < 8; ++i) {
    request.start_async();
    request.wait();
  }
  request.start_async();
  BOOST_TEST(!request.wait_for(50ms));
  large.cancel();
  BOOST_TEST(request.wait_for(5s));
  go_on.set_value();
  wait_until_complete(*held.operation, std::nullopt, {});
}

BOOST_DATA_TEST_CASE(a_run_does_not_wait_for_what_a_worker_calls_at_the_end_of_another,
                     (std::vector<std::string>{"callback", "handler"})) {
  if (runtime::compute_slots() < 2) {
    return;  // there is one worker
  }
  const auto model = exclusive();
  auto first = model.create_infer_request();
  auto second = model.create_infer_request();
  std::promise<bool> seen;
  const auto look = [&](std::exception_ptr) {  // waiting is refused there
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (second.busy() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(1ms);
    }
    seen.set_value(!second.busy());
  };
  {
    Blocker blocker;
    if (sample == "callback") {
      first.set_callback(look);
      first.start_async();
    } else {
      first.async_infer(look);
    }
    second.start_async();
  }
  BOOST_TEST(seen.get_future().get());
  second.wait();
  wait_until_complete(*first.current(), std::nullopt, {});
  first.set_callback(nullptr);
}

BOOST_AUTO_TEST_CASE(every_run_ends_once_whenever_it_is_cancelled) {
  struct Counter : Continuation {
    std::atomic<int> fired{0};
    Outcome::Kind kind{};
  };
  const auto model = compile(two_stages(), {{"PERFORMANCE_HINT", "THROUGHPUT"}});
  std::vector<std::thread> threads;
  threads.reserve(3);
  std::atomic<int> finished{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> wrong{0};
  for (unsigned seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random{seed};
      auto request = model.create_infer_request();
      request.set_input_tensor(0, floats({1, 2, 3, 4}));
      request.set_input_tensor(1, Tensor::vector<std::int64_t>(std::array<std::int64_t, 2>{2, 2}));
      for (int i = 0; i < 500; ++i) {
        Counter counter;
        counter.fire = [](Continuation* self, const Outcome& outcome) noexcept {
          auto& mine = *static_cast<Counter*>(self);
          mine.kind = outcome.kind;
          ++mine.fired;
        };
        const auto run = request.start({.continuation = &counter});
        for (auto spin = random() % 2000; spin > 0; --spin) {
          __builtin_ia32_pause();
        }
        if (random() % 3 != 0) {
          run->cancel();
        }
        if (random() % 3 == 0) {
          run->cancel();
        }
        const bool ended = wait_until_complete(*run, std::nullopt, {});
        // Waiters are told one after another, and who asks after the end is not kept waiting.
        while (counter.fired == 0) {
          std::this_thread::yield();
        }
        const bool is_finished = counter.kind == Outcome::Kind::finished;
        ++(is_finished ? finished : cancelled);
        run->cancel();  // nothing, after the end
        const bool right = ended && counter.fired == 1 && run->state() == Operation::State::ended &&
                           counter.kind == run->computed().kind &&
                           is_finished == (run->computed().error == nullptr) && !request.busy();
        wrong += right ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  BOOST_TEST(wrong == 0);
  BOOST_TEST(finished + cancelled == 1500);
  BOOST_TEST(finished > 0);
  BOOST_TEST(cancelled > 0);
}

BOOST_AUTO_TEST_CASE(a_request_goes_through_its_states) {
  // Longer than this thread may be kept from looking; cancelled when it was seen.
  auto request = compile(slow(500, 1024)).create_infer_request();
  BOOST_TEST(!request.busy());
  OperationRef run;
  {
    Blocker blocker;
    request.start_async();
    run = request.current();
    BOOST_TEST((run->state() == Operation::State::queued));
    BOOST_TEST(request.busy());
  }
  while (run->state() == Operation::State::queued) {
    std::this_thread::yield();
  }
  BOOST_TEST((run->state() == Operation::State::running));
  request.cancel();
  BOOST_CHECK_THROW(request.wait(), Cancelled);
  BOOST_TEST((run->state() == Operation::State::ended));
  BOOST_TEST(!request.busy());
  const auto stamps = run->stamps();
  BOOST_TEST((stamps.queued <= stamps.started));
  BOOST_TEST((stamps.started <= stamps.finished));
}

BOOST_AUTO_TEST_SUITE_END()
