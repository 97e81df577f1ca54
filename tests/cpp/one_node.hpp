#pragma once

#include <string>
#include <vector>

#include "coinfer/error.hpp"
#include "graph/graph.hpp"
#include "passes/passes.hpp"

/// A graph of one node over constants, for tests of one operator: inference and the plain kernel
/// run when it is folded.
namespace coinfer::testing {

class OneNode {
 public:
  explicit OneNode(std::string type, int opset = 18) {
    node_.type = std::move(type);
    node_.name = "n";
    node_.opset = opset;
  }
  OneNode& input(Tensor tensor) {
    node_.inputs.push_back(graph_.add_constant(std::move(tensor), "constant"));
    return *this;
  }
  OneNode& input(ElementType type, const char* shape) {
    node_.inputs.push_back(
        graph_.add(graph::Value{"input", type, PartialShape::parse(shape), Tensor{}}));
    return *this;
  }
  OneNode& domain(std::string name) {
    node_.domain = std::move(name);
    return *this;
  }
  OneNode& no_input() {
    node_.inputs.push_back(graph::no_value);
    return *this;
  }
  OneNode& set(const char* name, graph::Attribute value) {
    node_.attributes.set(name, std::move(value));
    return *this;
  }
  /// Infers and folds; the values of the outputs (constant where they could be computed).
  std::vector<graph::Value> run(std::size_t outputs = 1) {
    for (std::size_t i = 0; i < outputs; ++i) {
      node_.outputs.push_back(graph_.add(graph::Value{"result"}));
    }
    graph_.nodes.push_back(node_);
    passes::infer(graph_, true);
    std::vector<graph::Value> results;
    for (const auto id : graph_.nodes[0].outputs) {
      results.push_back(graph_[id]);
    }
    return results;
  }
  Tensor value() {
    const auto result = run()[0].constant;
    if (!result) {
      throw Error("the node was not folded");
    }
    return result;
  }
  std::string shape() { return run()[0].shape.to_string(); }
  std::string error() {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  graph::Graph graph_;
  graph::Node node_;
};

template <class T>
Tensor make(Shape shape, std::vector<T> values) {
  Tensor tensor{element_type_of<T>::value, std::move(shape)};
  std::copy(values.begin(), values.end(), tensor.data<T>());
  return tensor;
}
inline Tensor ints(std::vector<std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return make<std::int64_t>(Shape{count}, std::move(values));
}
/// 0, 1, 2, …
template <class T = float>
Tensor counting(Shape shape) {
  Tensor tensor{element_type_of<T>::value, std::move(shape)};
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<T>()[i] = static_cast<T>(i);
  }
  return tensor;
}
template <class T>
std::vector<T> values(const Tensor& tensor) {
  return std::vector<T>(tensor.data<T>(), tensor.data<T>() + tensor.size());
}

}  // namespace coinfer::testing
