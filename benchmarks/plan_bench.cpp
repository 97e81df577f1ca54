// Times the plan of an ONNX model without requests and streams around it.
//   plan_bench model.onnx [--threads 2] [--batch 1] [--length 128] [--shape input=1,3,48,320]…
//              [--seconds 3] [--table] [--peak]
// --batch and --length fill in dynamic extents; --peak measures large products of matrices first.
#include <fmt/format.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <dnnl.hpp>
#include <iostream>
#include <map>
#include <numeric>
#include <random>

#include "frontends/frontend.hpp"
#include "passes/passes.hpp"
#include "plan/onednn.hpp"
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

/// GFLOP/s of large products of matrices, the best, of the type that the plan multiplies.
double peak_of(tbb::task_arena& arena, double seconds, bool bf16) {
  constexpr std::int64_t extent = 1536;
  const auto type = bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
  const dnnl::memory::desc desc{{extent, extent}, type, dnnl::memory::format_tag::any};
  double best = 0;
  arena.execute([&] {
    const auto& engine = plan::engine();
    const dnnl::matmul::primitive_desc product{engine, desc, desc, desc};
    dnnl::memory a{product.src_desc(), engine};
    dnnl::memory b{product.weights_desc(), engine};
    dnnl::memory c{product.dst_desc(), engine};
    std::fill_n(static_cast<float*>(a.get_data_handle()), a.get_desc().get_size() / 4, 1.0F);
    std::fill_n(static_cast<float*>(b.get_data_handle()), b.get_desc().get_size() / 4, 1.0F);
    const dnnl::matmul primitive{product};
    dnnl::stream stream{engine};
    const auto start = Clock::now();
    while (milliseconds(Clock::now() - start) < seconds * 1e3) {
      const auto before = Clock::now();
      primitive.execute(stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
      stream.wait();
      const auto took = milliseconds(Clock::now() - before);
      best = std::max(best, 2.0 * extent * extent * extent / took / 1e6);
    }
  });
  return best;
}

/// "1,3,48,320"
Shape shape_of(std::string_view text) {
  Shape shape;
  while (!text.empty()) {
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc{}) {
      throw std::invalid_argument("a shape is numbers with commas between them");
    }
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    text.remove_prefix(text.starts_with(',') ? 1 : 0);
  }
  return shape;
}

}  // namespace

int main(int argc, char** argv) {
  std::string path;
  int threads = 2;
  std::int64_t batch = 1;
  std::int64_t length = 128;
  double seconds = 3;
  bool bf16 = false;
  bool table = false;
  bool with_peak = false;
  std::map<std::string, std::string, std::less<>> shapes;
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
    } else if (argument == "--precision") {
      bf16 = std::string_view{next()} == "bf16";
    } else if (argument == "--table") {
      table = true;
    } else if (argument == "--peak") {
      with_peak = true;
    } else if (argument == "--shape") {
      const std::string text = next();
      const auto equals = text.find('=');
      shapes[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
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
      if (const auto given = shapes.find(graph[id].name); given != shapes.end()) {
        shape = shape_of(given->second);
      }
      known.push_back({id, graph[id].type, shape, {}});
      inputs.push_back(example(graph[id], shape));
    }
    tbb::task_arena arena{threads};
    const auto peak = with_peak ? peak_of(arena, std::min(seconds, 1.0), bf16) : 0.0;
    plan::Weights weights;
    plan::Scratch scratch;
    std::shared_ptr<const plan::Plan> plan;
    start = Clock::now();
    arena.execute([&] { plan = plan::build(graph, 0, known, weights, threads, bf16); });
    const auto built = Clock::now() - start;
    start = Clock::now();
    arena.execute([&] { plan = plan::build(graph, 0, known, weights, threads, bf16); });
    const auto again = Clock::now() - start;
    std::vector<Tensor> results;
    std::vector<const void*> in;
    std::vector<void*> out;
    in.reserve(inputs.size());
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
    // The median of the runs: what the steps take sums up to what a run takes.
    std::vector<double> steps(plan->step_infos().size(), 0);
    std::vector<std::vector<float>> taken(steps.size());
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
          taken[i].push_back(std::chrono::duration<float, std::micro>(of_run[i]).count());
        }
      }
    });
    for (std::size_t i = 0; i < steps.size() && table; ++i) {
      const auto middle = taken[i].begin() + static_cast<std::ptrdiff_t>(taken[i].size() / 2);
      std::nth_element(taken[i].begin(), middle, taken[i].end());
      steps[i] = *middle;
    }
    if (table) {
      fmt::print("{:>9} {:>6} {:>8} {:>6}  {:24} {:28} {:8} {}\n", "us", "share", "GFLOP/s", "peak",
                 "type", "implementation", "layout", "node");
      const auto sum = std::reduce(steps.begin(), steps.end());
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto& info = plan->step_infos()[i];
        const auto us = steps[i];
        const auto rate = info.flops / us / 1e3;
        fmt::print("{:9.1f} {:5.1f}% {:8.1f} {:>6}  {:24} {:28} {:8} {}\n", us, us / sum * 100,
                   rate, peak > 0 ? fmt::format("{:.0f}%", rate / peak * 100) : "", info.type,
                   info.implementation, info.layout, info.node);
      }
      const auto flops =
          std::accumulate(plan->step_infos().begin(), plan->step_infos().end(), 0.0,
                          [](double total, const auto& info) { return total + info.flops; });
      for (const auto& warning : plan->warnings()) {
        fmt::print("  warning: {}\n", warning);
      }
      fmt::print("{:9.1f} us in all, {:.1f} GFLOP/s", sum, flops / sum / 1e3);
      if (peak > 0) {
        fmt::print(", {:.0f} % of the peak of {:.1f} GFLOP/s", flops / sum / 1e3 / peak * 100,
                   peak);
      }
      fmt::print("\n");
      if (plan->cut() != nullptr) {
        fmt::print("  the first stage only: what follows depends on values\n");
      }
    }
    std::sort(times.begin(), times.end());
    fmt::print(
        "{}: median {:.3f} ms, best {:.3f} ms ({} runs, {} steps in {} sections, {} threads)\n",
        path, times[times.size() / 2], times[0], times.size(), steps.size(),
        plan->sections().size(), plan->threads());
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
