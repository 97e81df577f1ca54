// Times the plan of an ONNX model without requests and streams around it.
//   plan_bench model.onnx [--threads 2] [--batch 1] [--length 128] [--seconds 3] [--table]
#include <fmt/format.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <random>

#include "frontends/frontend.hpp"
#include "passes/passes.hpp"
#include "plan/plan.hpp"
#include "plan/weights.hpp"

using namespace coinfer;
using Clock = std::chrono::steady_clock;

namespace {

double milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// Images are noise, token numbers are small, masks are ones.
Tensor example(const graph::Value& value, const Shape& shape) {
  Tensor tensor{value.type, shape};
  std::mt19937 random{1};
  if (value.type == ElementType::f32) {
    std::normal_distribution<float> normal;
    std::generate_n(tensor.data<float>(), tensor.size(), [&] { return normal(random); });
  } else if (value.type == ElementType::i64) {
    const bool mask = value.name.find("mask") != std::string::npos;
    const bool types = value.name.find("type") != std::string::npos;
    std::generate_n(tensor.data<std::int64_t>(), tensor.size(), [&] {
      return mask ? 1 : types ? 0 : static_cast<std::int64_t>(random() % 1000);
    });
  } else if (value.type == ElementType::i32) {
    std::generate_n(tensor.data<std::int32_t>(), tensor.size(),
                    [&] { return static_cast<std::int32_t>(random() % 200); });
  } else {
    std::fill_n(static_cast<std::byte*>(tensor.data()), tensor.byte_size(), std::byte{0});
  }
  return tensor;
}

/// Weights that are the same everywhere compress activations to constants or infinities: replaced
/// by seeded noise.
void randomise_generated_weights(graph::Graph& graph) {
  std::mt19937 random{3};
  for (auto& value : graph.values) {
    if (!value.constant || value.type != ElementType::f32 || value.shape.rank() < 2 ||
        value.constant.size() < 32) {
      continue;
    }
    const auto* data = value.constant.data<float>();
    if (!std::all_of(data, data + value.constant.size(), [&](float x) { return x == data[0]; })) {
      continue;
    }
    Tensor noise{ElementType::f32, value.constant.shape()};
    const auto inputs = static_cast<double>(noise.size()) / static_cast<double>(noise.shape()[0]);
    std::normal_distribution<float> normal{0, static_cast<float>(std::sqrt(2.0 / inputs))};
    std::generate_n(noise.data<float>(), noise.size(), [&] { return normal(random); });
    value.constant = noise;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  int threads = 2;
  std::int64_t batch = 1;
  std::int64_t length = 128;
  double seconds = 3;
  bool table = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto next = [&] { return i + 1 < argc ? argv[++i] : "0"; };
    if (argument == "--threads") {
      threads = std::atoi(next());
    } else if (argument == "--batch") {
      batch = std::atoi(next());
    } else if (argument == "--length") {
      length = std::atoi(next());
    } else if (argument == "--seconds") {
      seconds = std::atof(next());
    } else if (argument == "--table") {
      table = true;
    } else {
      path = argument;
    }
  }
  try {
    auto start = Clock::now();
    auto graph = *frontends::read_file(path);
    const auto read = Clock::now() - start;
    start = Clock::now();
    passes::infer(graph, true);
    randomise_generated_weights(graph);
    passes::optimise(graph);
    const auto optimised = Clock::now() - start;
    std::vector<plan::Known> known;
    std::vector<Tensor> inputs;
    for (const auto id : graph.inputs) {
      Shape shape;
      for (const auto& extent : graph[id].shape.dimensions()) {
        shape.push_back(extent.is_static() ? extent.length() : shape.empty() ? batch : length);
      }
      known.push_back({id, graph[id].type, shape, {}});
      inputs.push_back(example(graph[id], shape));
    }
    tbb::task_arena arena{threads};
    plan::Weights weights;
    plan::Scratch scratch;
    std::shared_ptr<const plan::Plan> plan;
    start = Clock::now();
    arena.execute([&] { plan = plan::build(graph, 0, known, weights, threads); });
    const auto built = Clock::now() - start;
    start = Clock::now();
    arena.execute([&] { plan = plan::build(graph, 0, known, weights, threads); });
    const auto again = Clock::now() - start;
    std::vector<Tensor> results;
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const auto& tensor : inputs) {
      in.push_back(tensor.data());
    }
    for (const auto& port : plan->outputs()) {
      results.emplace_back(port.type, port.shape);
      out.push_back(results.back().data());
    }
    plan::Instance instance{plan, scratch};
    const std::atomic<bool> stop{false};
    std::vector<double> times;
    // The best of all runs: a busy machine makes means useless.
    std::vector<double> steps(plan->step_infos().size(), 1e30);
    plan::StepTimes of_run;
    const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(seconds));
    tbb::task_arena own{plan->threads()};
    own.execute([&] {
      for (int i = 0; i < 5; ++i) {
        instance.run(in, out, stop);
      }
      while (Clock::now() < until || times.size() < 5) {
        const auto before = Clock::now();
        instance.run(in, out, stop, table ? &of_run : nullptr);
        times.push_back(milliseconds(Clock::now() - before));
        for (std::size_t i = 0; i < of_run.size(); ++i) {
          steps[i] =
              std::min(steps[i], std::chrono::duration<double, std::micro>(of_run[i]).count());
        }
      }
    });
    if (table) {
      fmt::print("{:>9} {:>8}  {:24} {:28} {:8} {}\n", "us", "GFLOP/s", "type", "implementation",
                 "layout", "node");
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto& info = plan->step_infos()[i];
        const auto us = steps[i];
        fmt::print("{:9.1f} {:8.1f}  {:24} {:28} {:8} {}\n", us, info.flops / us / 1e3, info.type,
                   info.implementation, info.layout, info.node);
      }
    }
    std::sort(times.begin(), times.end());
    fmt::print("{}: median {:.3f} ms, best {:.3f} ms ({} runs, {} steps, {} threads)\n", path,
               times[times.size() / 2], times[0], times.size(), steps.size(), plan->threads());
    fmt::print(
        "  read {:.1f} ms, optimise {:.1f} ms, plan {:.1f} ms, second plan {:.1f} ms, scratch "
        "{:.1f} MiB\n",
        milliseconds(read), milliseconds(optimised), milliseconds(built), milliseconds(again),
        static_cast<double>(plan->scratch_bytes()) / (1 << 20));
  } catch (const std::exception& error) {
    std::cerr << path << ": " << error.what() << "\n";
    return 1;
  }
}
