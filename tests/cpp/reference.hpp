#pragma once

#include <random>

#include "passes/passes.hpp"
#include "plan/plan.hpp"
#include "plan/weights.hpp"

/// Small graphs for tests, run once as a plan and once by the plain kernels.
namespace coinfer::reference {

class Network {
 public:
  graph::Graph graph;
  plan::Weights weights;

  /// An input filled with numbers from [low, high), the same ones in every run.
  graph::ValueId input(const Shape& shape, float low = -1, float high = 1) {
    const auto id = graph.add(
        {"input" + std::to_string(graph.inputs.size()), ElementType::f32, PartialShape{shape}});
    graph.inputs.push_back(id);
    contents_.push_back(random(shape, low, high));
    return id;
  }

  graph::ValueId constant(const Shape& shape, float low = -1, float high = 1) {
    return graph.add_constant(random(shape, low, high));
  }
  graph::ValueId integers(std::vector<std::int64_t> values) {
    return graph.add_constant(Tensor::vector<std::int64_t>(values));
  }
  graph::ValueId scalar(float value) { return graph.add_constant(Tensor::scalar(value)); }

  graph::ValueId add(const char* type, std::vector<graph::ValueId> inputs,
                     graph::Attributes attributes = {}, int opset = 20) {
    graph::Node node;
    node.type = type;
    node.name = type + std::to_string(graph.nodes.size());
    node.opset = opset;
    node.inputs.assign(inputs.begin(), inputs.end());
    node.attributes = std::move(attributes);
    const auto result = graph.add({node.name + "_result"});
    node.outputs.push_back(result);
    graph.nodes.push_back(std::move(node));
    return result;
  }

  void output(graph::ValueId id) { graph.outputs.push_back(id); }

  std::shared_ptr<const plan::Plan> build(const graph::Graph& from, int threads = 2,
                                          bool bf16 = false) {
    std::vector<plan::Known> known;
    for (std::size_t i = 0; i < from.inputs.size(); ++i) {
      known.push_back({from.inputs[i], contents_[i].type(), contents_[i].shape(), {}});
    }
    return plan::build(from, 0, known, weights, threads, bf16);
  }

  std::vector<Tensor> run(const std::shared_ptr<const plan::Plan>& plan,
                          plan::StepTimes* times = nullptr) {
    plan::Scratch scratch;
    plan::Instance instance{plan, scratch};
    std::vector<const void*> in;
    for (const auto& tensor : contents_) {
      in.push_back(tensor.data());
    }
    std::vector<Tensor> results;
    std::vector<void*> out;
    for (const auto& port : plan->outputs()) {
      results.emplace_back(port.type, port.shape);
      out.push_back(results.back().data());
    }
    const std::atomic<bool> stop{false};
    instance.run(in, out, stop, times);
    return results;
  }

  /// What the plain kernels say.
  std::vector<Tensor> expected() const {
    auto folded = graph;
    for (std::size_t i = 0; i < folded.inputs.size(); ++i) {
      folded[folded.inputs[i]].constant = contents_[i];
    }
    passes::infer(folded, true);
    std::vector<Tensor> results;
    for (const auto id : folded.outputs) {
      results.push_back(folded[id].constant);
    }
    return results;
  }

  /// The greatest |a - b| / max(|b|, rms(b)) of all outputs of a plan of `from`.
  double error_of(const graph::Graph& from, int threads = 2) {
    const auto plan = build(from, threads);
    steps.assign(plan->step_infos().begin(), plan->step_infos().end());
    const auto got = run(plan);
    const auto wanted = expected();
    double worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      worst = std::max(worst, difference(got.at(i), wanted[i]));
    }
    return worst;
  }
  /// As the model is compiled: optimised first.
  double error() {
    auto optimised = graph;
    passes::optimise(optimised);
    return std::max(error_of(graph), error_of(optimised));
  }

  static double difference(const Tensor& a, const Tensor& b) {
    if (!a || !b || a.shape() != b.shape()) {
      return 1e30;
    }
    double square = 0;
    for (std::int64_t i = 0; i < b.size(); ++i) {
      square += static_cast<double>(b.data<float>()[i]) * b.data<float>()[i];
    }
    const auto rms =
        std::sqrt(square / static_cast<double>(std::max<std::int64_t>(b.size(), 1))) + 1e-30;
    double worst = 0;
    for (std::int64_t i = 0; i < b.size(); ++i) {
      const double x = a.data<float>()[i];
      const double y = b.data<float>()[i];
      const auto error = std::abs(x - y) / std::max(std::abs(y), rms);
      worst =
          std::isnan(error) && !(std::isnan(x) && std::isnan(y)) ? 1e30 : std::max(worst, error);
    }
    return worst;
  }

  /// Of the last plan.
  std::vector<plan::Plan::StepInfo> steps;

 private:
  Tensor random(const Shape& shape, float low, float high) {
    Tensor tensor{ElementType::f32, shape};
    std::uniform_real_distribution<float> distribution{low, high};
    std::generate_n(tensor.data<float>(), tensor.size(), [&] { return distribution(random_); });
    return tensor;
  }

  std::vector<Tensor> contents_;
  std::mt19937 random_{7};
};

/// Attributes in one expression.
inline graph::Attributes attributes(
    std::initializer_list<std::pair<const char*, graph::Attribute>> list) {
  graph::Attributes result;
  for (const auto& [name, value] : list) {
    result.set(name, value);
  }
  return result;
}

using Integers = std::vector<std::int64_t>;

}  // namespace coinfer::reference
