#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "coinfer/compiled_model.hpp"
#include "coinfer/core.hpp"
#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "passes/passes.hpp"

/// Small graphs made by hand, for tests of what runs them.
namespace coinfer::testing {

class GraphMaker {
 public:
  graph::ValueId input(std::string name, PartialShape shape, ElementType type = ElementType::f32) {
    const auto id = graph_->add({std::move(name), type, std::move(shape), {}});
    graph_->inputs.push_back(id);
    return id;
  }
  graph::ValueId constant(Tensor tensor) { return graph_->add_constant(std::move(tensor)); }
  graph::ValueId node(std::string type, std::vector<graph::ValueId> inputs,
                      graph::Attributes attributes = {}, std::string domain = {}) {
    graph::Node node;
    node.op = ops::Registry::instance().find(domain, type, 17);
    if (node.op == nullptr) {
      throw std::runtime_error("no operator " + type);
    }
    node.domain = std::move(domain);
    node.type = type;
    node.opset = 17;
    node.name = type + std::to_string(graph_->nodes.size());
    node.attributes = std::move(attributes);
    node.inputs.assign(inputs.begin(), inputs.end());
    const auto id =
        graph_->add({node.name + "_out", ElementType::dynamic, PartialShape::dynamic(), {}});
    node.outputs.push_back(id);
    graph_->nodes.push_back(std::move(node));
    return id;
  }
  void output(graph::ValueId id, std::string name) {
    (*graph_)[id].name = std::move(name);
    graph_->outputs.push_back(id);
  }
  Model model() {
    graph_->name = "test";
    passes::infer(*graph_, false);
    return Model{graph_};
  }

 private:
  std::shared_ptr<graph::Graph> graph_ = std::make_shared<graph::Graph>();
};

/// sum = a + b
inline Model one_add(const PartialShape& shape = PartialShape{4}) {
  GraphMaker make;
  const auto a = make.input("a", shape);
  const auto b = make.input("b", shape);
  make.output(make.node("Add", {a, b}), "sum");
  return make.model();
}

/// out = x W W W … : `layers` matrix products of `size` x `size`, to take a while.
inline Model slow(int layers = 200, std::int64_t size = 384) {
  GraphMaker make;
  auto value = make.input("x", PartialShape{size, size});
  Tensor weights{ElementType::f32, Shape{size, size}};
  std::fill_n(weights.data<float>(), weights.size(), 1.0F / static_cast<float>(size));
  const auto w = make.constant(weights);
  for (int i = 0; i < layers; ++i) {
    value = make.node("MatMul", {value, w});
  }
  make.output(value, "out");
  return make.model();
}

/// out = Reshape(x + x, shape): the shape comes as data, so the model runs in two stages.
inline Model two_stages() {
  GraphMaker make;
  const auto x = make.input("x", PartialShape{4});
  const auto shape = make.input("shape", PartialShape{2}, ElementType::i64);
  const auto doubled = make.node("Add", {x, x});
  const auto target = make.node("Abs", {shape});
  const auto reshaped = make.node("Reshape", {doubled, target});
  make.output(make.node("Add", {reshaped, reshaped}), "out");
  return make.model();
}

/// In f32 unless the configuration says otherwise: what is compared here is exact, or takes its
/// time.
inline CompiledModel compile(const Model& model, Properties config = {}) {
  config.try_emplace("INFERENCE_PRECISION_HINT", "f32");
  return Core{}.compile_model(model, "CPU", config);
}

inline Tensor floats(std::initializer_list<float> values) {
  return Tensor::vector<float>(std::span<const float>(values.begin(), values.size()));
}

inline std::vector<float> values_of(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

}  // namespace coinfer::testing
