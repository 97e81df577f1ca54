// What must be seen in a process that has done nothing else yet, or that ends: one case a run.

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <iostream>
#include <map>
#include <semaphore>
#include <thread>

#include "../small_models.hpp"
#include "coinfer/batcher.hpp"
#include "coinfer/error.hpp"
#include "coinfer/executor.hpp"
#include "coinfer/runtime.hpp"
#include "runtime/alarm.hpp"

namespace {

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;
namespace asio = boost::asio;

void check(bool holds, const char* what) {
  if (!holds) {
    throw std::runtime_error{what};
  }
}

CompiledModel two_streams(const Model& model) {
  return compile(model, {{"NUM_STREAMS", 2}, {"INFERENCE_NUM_THREADS", 2}});
}

void check_shut_down(const CompiledModel& model) {
  shutdown();  // joins what was not joined in the handler
  try {
    model.create_infer_request().start_async();
  } catch (const Error&) {
    return;
  }
  throw std::runtime_error{"an inference starts after shutdown"};
}

void shutdown_on_a_worker() {
  const auto model = two_streams(slow(20, 128));
  auto first = model.create_infer_request();
  std::vector<InferRequest> others;
  std::promise<void> returned;
  first.async_infer([&](std::exception_ptr) {
    shutdown();
    returned.set_value();
  });
  for (int i = 0; i < 8; ++i) {
    try {
      others.push_back(model.create_infer_request());
      others.back().start_async();
    } catch (const Error&) {
      break;  // it is shut down already
    }
  }
  check(returned.get_future().wait_for(30s) == std::future_status::ready, "shutdown returns");
  for (auto& each : others) {
    try {
      check(each.wait_for(30s), "shutdown ends what is in flight");
    } catch (const Cancelled&) {
    }
  }
  check_shut_down(model);
}

void shutdown_on_the_deadlines_thread() {
  const auto model = compile(slow(), {{"NUM_STREAMS", 1}});
  auto first = model.create_infer_request();
  auto second = model.create_infer_request();
  std::promise<void> returned;
  const auto main = std::this_thread::get_id();
  bool elsewhere = false;
  second.set_callback([&](std::exception_ptr) {
    elsewhere = std::this_thread::get_id() != main;
    shutdown();
    returned.set_value();
  });
  first.start_async();
  second.start({.deadline = std::chrono::steady_clock::now() + 1ms});
  check(returned.get_future().wait_for(30s) == std::future_status::ready, "shutdown returns");
  check(elsewhere, "the callback was called on another thread");
  check_shut_down(model);
}

void shutdown_on_the_alarm_clock() {
  struct Ends : runtime::Alarm {
    std::promise<void> returned;
    void ring() noexcept override {
      shutdown();
      returned.set_value();
    }
  };
  const auto model = two_streams(one_add());
  model.create_infer_request().infer();
  const auto alarm = std::make_shared<Ends>();
  check(runtime::AlarmClock::instance().arm(alarm, std::chrono::steady_clock::now()),
        "it is armed");
  check(alarm->returned.get_future().wait_for(30s) == std::future_status::ready,
        "shutdown returns");
  check_shut_down(model);
}

/// Starts an inference while a handler occupies a worker until it has ended.
void infer_beside_a_handler(InferRequest& request, asio::any_io_executor executor) {
  std::binary_semaphore ended{0};
  std::promise<void> began;
  std::promise<bool> saw;
  asio::post(executor, [&] {
    began.set_value();
    saw.set_value(ended.try_acquire_for(10s));
  });
  check(began.get_future().wait_for(30s) == std::future_status::ready, "the handler begins");
  request.start_async();
  request.wait();
  ended.release();
  check(saw.get_future().get(), "an inference ends beside a handler on the executor");
}

void handler_on_an_idle_worker() {
  const auto model = two_streams(one_add());
  auto request = model.create_infer_request();
  asio::post(executor(), [] {});
  std::this_thread::sleep_for(100ms);  // the only worker sleeps
  infer_beside_a_handler(request, executor());
  shutdown();
}

void handler_on_a_worker_that_waits_awake() {
  const auto model = two_streams(one_add());
  auto request = model.create_infer_request();
  for (int i = 0; i < 20; ++i) {
    for (int run = 0; run < 20; ++run) {  // what follows closely makes workers wait awake
      request.start_async();
      request.wait();
    }
    infer_beside_a_handler(request, executor());
  }
  shutdown();
}

void two_handlers_at_once() {
  const auto model = two_streams(one_add());
  const auto executor = coinfer::executor();
  asio::post(executor, [] {});
  std::this_thread::sleep_for(100ms);  // the only worker sleeps
  std::binary_semaphore second{0};
  std::promise<bool> met;
  asio::post(executor, [&] { met.set_value(second.try_acquire_for(10s)); });
  asio::post(executor, [&] { second.release(); });
  check(met.get_future().get(), "two handlers run at once");
  shutdown();
}

/// While it lives no thread can start: its stack would be larger than any memory.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t attributes;
    pthread_getattr_default_np(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{1} << 47U);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
    try {
      std::thread{[] {}}.join();
    } catch (const std::system_error&) {
      return;
    }
    throw std::runtime_error{"a thread starts"};
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

template <class Call>
void check_refused(Call call) {
  try {
    call();
  } catch (const Error& error) {
    check(std::string_view{error.what()}.find("could not be started") != std::string_view::npos,
          error.what());
    return;
  }
  throw std::runtime_error{"no thread can be started, but that is no error"};
}

void no_thread_can_start() {
  const auto model = two_streams(one_add());
  auto request = model.create_infer_request();
  auto other = model.create_infer_request();
  request.infer();
  {
    const NoThreads none;
    check_refused([&] { request.start_async(); });
    check_refused([&] { other.start({.deadline = std::chrono::steady_clock::now() + 1h}); });
    check_refused([&] { executor(); });
    check(!request.busy() && !other.busy(), "a request that was not started is idle");
    request.infer();
    const auto now = stats();
    check(now.queued == 0 && now.in_flight == 0 && now.runs.started == 2, "nothing was started");
  }
  for (auto* each : {&request, &other}) {
    each->start({.deadline = std::chrono::steady_clock::now() + 1h});
    check(each->wait_for(30s), "the runtime goes on");
  }
  shutdown();
}

void no_second_worker_can_start() {
  const auto model = two_streams(slow(5, 128));
  std::vector<InferRequest> requests;
  for (int i = 0; i < 8; ++i) {
    requests.push_back(model.create_infer_request());
  }
  requests[0].start_async();
  requests[0].wait();
  {
    const NoThreads none;
    for (auto& request : requests) {
      request.start_async();
    }
    for (auto& request : requests) {
      check(request.wait_for(30s), "one worker does what two would have done");
    }
  }
  shutdown();
}

void no_alarm_clock_can_start() {
  const auto model = two_streams(one_add(PartialShape{Dimension{}, 4}));
  Batcher batcher{model, {.max_batch = 4, .max_delay = 20ms}};
  const Tensor row{ElementType::f32, Shape{1, 4}};
  asio::post(asio::use_future).get();  // Asio has the threads on which futures are told
  {
    const NoThreads none;
    check_refused([&] { batcher.async_infer({row, row}, asio::use_future).get(); });
  }
  batcher.async_infer({row, row}, asio::use_future).get();
  shutdown();
}

int run(const std::string& name) {
  const std::map<std::string, void (*)()> cases{
      {"shutdown_on_a_worker", shutdown_on_a_worker},
      {"shutdown_on_the_deadlines_thread", shutdown_on_the_deadlines_thread},
      {"shutdown_on_the_alarm_clock", shutdown_on_the_alarm_clock},
      {"handler_on_an_idle_worker", handler_on_an_idle_worker},
      {"handler_on_a_worker_that_waits_awake", handler_on_a_worker_that_waits_awake},
      {"two_handlers_at_once", two_handlers_at_once},
      {"no_thread_can_start", no_thread_can_start},
      {"no_second_worker_can_start", no_second_worker_can_start},
      {"no_alarm_clock_can_start", no_alarm_clock_can_start},
  };
  cases.at(name)();
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count > 1 ? arguments[1] : "");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
