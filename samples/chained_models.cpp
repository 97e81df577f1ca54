// Two networks one behind the other, as a pipeline of coroutines.
//
//   chained_models FIRST.onnx SECOND.onnx FLOATS
//
// FLOATS is a file of rows of 32-bit floats, each as long as FIRST's input. SECOND reads what FIRST
// gives. For each row, in order, the index of the largest output of SECOND and its value are
// printed. The file may be of any size: the pipeline reads no faster than it computes.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "coinfer/core.hpp"
#include "coinfer/pipeline.hpp"

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;

struct Answer {
  std::ptrdiff_t index;
  float score;
};

using Answers = coinfer::Pipeline<coinfer::Tensor, Answer>;

/// Stage three: what the caller wants to know of the second network's output.
Answer best(const coinfer::Tensor& scores) {
  const std::span all{scores.data<float>(), static_cast<std::size_t>(scores.size())};
  const auto largest = std::ranges::max_element(all);
  return {largest - all.begin(), *largest};
}

/// The source: reads the next row when the pipeline has room for it.
awaitable<void> push_rows(Answers& answers, std::ifstream& file, std::int64_t length) {
  for (;;) {
    coinfer::Tensor row{coinfer::ElementType::f32, coinfer::Shape{1, length}};
    file.read(static_cast<char*>(row.data()), static_cast<std::streamsize>(row.byte_size()));
    if (file.gcount() == 0) {
      break;
    }
    if (static_cast<std::size_t>(file.gcount()) != row.byte_size()) {
      throw std::runtime_error{"the last row is cut short"};
    }
    if (!co_await answers.async_push(std::move(row), use_awaitable)) {
      co_return;  // a stage failed; who pulls is told
    }
  }
  answers.close();
}

/// The sink.
awaitable<void> print_answers(Answers& answers) {
  while (const auto answer = co_await answers.async_pull(use_awaitable)) {
    std::cout << answer->index << ' ' << answer->score << '\n';
  }
}

void run(const std::string& first, const std::string& second, const std::string& floats) {
  const coinfer::Core core;
  const coinfer::Properties config{{"PERFORMANCE_HINT", "THROUGHPUT"},
                                   {"INFERENCE_PRECISION_HINT", "f32"}};
  const auto features = core.compile_model(first, "CPU", config);
  const auto classes = core.compile_model(second, "CPU", config);
  std::ifstream file{floats, std::ios::binary};
  if (!file) {
    throw std::runtime_error{"cannot read " + floats};
  }
  const auto shape = features.input(std::size_t{0})->shape;
  const auto length = shape.dimensions().back().length();

  asio::io_context context;
  Answers answers{coinfer::infer_stage<coinfer::Tensor>(features) |
                      coinfer::infer_stage<coinfer::Tensor>(classes) | coinfer::stage(best),
                  context.get_executor()};
  std::exception_ptr failure;
  const auto ended = [&](std::exception_ptr error) {
    if (error && !failure) {
      failure = error;
      answers.cancel();
    }
  };
  asio::co_spawn(context, push_rows(answers, file, length), ended);
  asio::co_spawn(context, print_answers(answers), ended);
  context.run();
  if (failure) {
    std::rethrow_exception(failure);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: chained_models FIRST.onnx SECOND.onnx FLOATS\n";
    return 2;
  }
  try {
    run(argv[1], argv[2], argv[3]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "chained_models: " << error.what() << '\n';
    return 1;
  }
}
