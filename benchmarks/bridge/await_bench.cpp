// Times `co_await request.async_infer(use_awaitable)` on the stream's executor beside a direct run.
//   await_bench model.onnx [--seconds 1]
// Prints seconds per inference as JSON: "direct", "co_await", and "over", their difference, each
// the median of short turns that alternate.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>
#include <vector>

#include "coinfer/compiled_model.hpp"
#include "coinfer/core.hpp"
#include "coinfer/executor.hpp"

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int turn = 2000;  // inferences

double seconds_each(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count() / turn;
}

asio::awaitable<double> awaited_turn(coinfer::InferRequest request) {
  const auto start = Clock::now();
  for (int i = 0; i < turn; ++i) {
    co_await request.async_infer(asio::use_awaitable);
  }
  co_return seconds_each(Clock::now() - start);
}

double direct_turn(coinfer::InferRequest& request) {
  const auto start = Clock::now();
  for (int i = 0; i < turn; ++i) {
    request.infer();
  }
  return seconds_each(Clock::now() - start);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const char* path = nullptr;
  double seconds = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view{argv[i]} == "--seconds" && i + 1 < argc) {
      seconds = std::atof(argv[++i]);
    } else {
      path = argv[i];
    }
  }
  if (path == nullptr) {
    std::cerr << "usage: await_bench model.onnx [--seconds 1]\n";
    return 2;
  }
  try {
    const auto compiled =
        coinfer::Core{}.compile_model(path, "CPU", {{"PERFORMANCE_HINT", "LATENCY"}});
    auto request = compiled.create_infer_request();
    for (std::size_t i = 0; i < compiled.inputs().size(); ++i) {
      const auto input = request.input_tensor(i);
      std::memset(input.data(), 0, input.byte_size());
    }
    // Workers start with the first run that is queued.
    request.start_async();
    request.wait();
    const auto executor = coinfer::executor();
    std::vector<double> direct;
    std::vector<double> awaited;
    std::vector<double> over;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (Clock::now() < end || direct.size() < 3) {
      direct.push_back(direct_turn(request));
      awaited.push_back(asio::co_spawn(executor, awaited_turn(request), asio::use_future).get());
      over.push_back(awaited.back() - direct.back());
    }
    std::printf("{\"direct\": %.9f, \"co_await\": %.9f, \"over\": %.9f}\n", median(direct),
                median(awaited), median(over));
  } catch (const std::exception& error) {
    std::cerr << path << ": " << error.what() << "\n";
    return 1;
  }
}
