// Inferences on the application's executor: a process has one, so the test of it is a program.

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <fstream>
#include <future>
#include <iostream>
#include <set>
#include <thread>

#include "../overlap.hpp"
#include "../small_models.hpp"
#include "coinfer/executor.hpp"
#include "coinfer/runtime.hpp"
#include "runtime/process.hpp"

namespace {

using namespace coinfer;
using namespace coinfer::testing;
namespace asio = boost::asio;

void check(bool holds, const char* what) {
  if (!holds) {
    throw std::runtime_error{what};
  }
}

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Does a thread of coinfer's own exist?
bool has_own_worker() {
  bool found = false;
  auto* tasks = opendir("/proc/self/task");
  while (const auto* entry = readdir(tasks)) {
    std::ifstream file{std::string{"/proc/self/task/"} + entry->d_name + "/comm"};
    std::string name;
    std::getline(file, name);
    found = found || name.starts_with("coinfer-stream");
  }
  closedir(tasks);
  return found;
}

void run() {
  check(!error_of([] { use_executor({}); }).empty(), "an empty executor is refused");
  asio::io_context context;
  auto work = asio::make_work_guard(context);
  use_executor(context.get_executor());
  std::mutex mutex;
  std::set<int> ids;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      {
        const std::lock_guard lock{mutex};
        ids.insert(static_cast<int>(syscall(SYS_gettid)));
      }
      context.run();
    });
  }

  const auto model = compile(slow(20, 128), {{"PERFORMANCE_HINT", "THROUGHPUT"}});
  check(!error_of([&] { use_executor(context.get_executor()); }).empty(),
        "another executor is refused later");
  check(executor() == context.get_executor(), "executor() is the one given");

  std::vector<InferRequest> requests;
  Overlap overlap;
  for (int i = 0; i < 8; ++i) {
    requests.push_back(model.create_infer_request());
  }
  for (int round = 0; round < 20; ++round) {
    for (auto& request : requests) {
      request.start_async();
    }
    for (auto& request : requests) {
      request.wait();
      const auto& stamps = request.current()->stamps();
      overlap.add(stamps.started, stamps.finished, 1);
      const std::lock_guard lock{mutex};
      check(ids.contains(stamps.thread), "it ran on one of the application's threads");
    }
  }
  check(overlap.most() <= runtime::compute_slots(), "no more compute than there are slots");
  check(!has_own_worker(), "no thread of coinfer's own was started");

  auto request = model.create_infer_request();
  std::promise<std::string> refused;
  request.async_infer(
      [&](std::exception_ptr) { refused.set_value(error_of([&] { requests[0].infer(); })); });
  check(refused.get_future().get().find("stream's thread") != std::string::npos,
        "a blocking call where a run ends is refused");

  asio::co_spawn(
      executor(),
      [&]() -> asio::awaitable<void> {
        auto mine = model.create_infer_request();
        for (int i = 0; i < 50; ++i) {
          co_await mine.async_infer(asio::use_awaitable);
        }
      },
      asio::use_future)
      .get();
  // Between runs the application's threads are its own.
  asio::post(context, asio::use_future([&] { requests[1].infer(); })).get();

  for (auto& each : requests) {
    each.start_async();
  }
  shutdown();
  int finished = 0;
  int cancelled = 0;
  for (auto& each : requests) {
    try {
      check(each.wait_for(std::chrono::seconds{30}), "shutdown ends what is in flight");
      ++finished;
    } catch (const Cancelled&) {
      ++cancelled;
    }
  }
  check(finished + cancelled == 8, "each run ends");
  check(!error_of([&] { requests[0].start_async(); }).empty(), "nothing starts after shutdown");
  work.reset();
  context.stop();
  for (auto& thread : threads) {
    thread.join();
  }
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
