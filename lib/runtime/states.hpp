#pragma once

#include <vector>

#include "coinfer/tensor.hpp"
#include "graph/graph.hpp"

namespace coinfer::runtime {

/// What a request keeps for its model's variables between runs. A run reads `value` and writes to
/// `next`, which takes its place when the run has succeeded: a failed or cancelled one changes
/// nothing. *Thread safety*: used by the run in flight, else under the request's lock.
class States {
 public:
  explicit States(const graph::Graph& graph);

  std::size_t size() const { return states_.size(); }
  const graph::Variable& variable(std::size_t i) const { return states_[i].variable; }
  /// Null when the variable was reset, or never assigned.
  const Tensor& value(std::size_t i) const { return states_[i].value; }
  /// A tensor as the variable's declaration has it, dynamic extents 0, filled with zeros.
  Tensor zeros(std::size_t i) const;
  /// Copies the tensor; throws Error naming the variable for a wrong type or shape.
  void set(std::size_t i, const Tensor& tensor);
  void reset(std::size_t i) { states_[i].value = {}; }

  /// Where the next value may be written; null at first.
  Tensor take_spare(std::size_t i) { return std::move(states_[i].spare); }
  void store(std::size_t i, Tensor next);

 private:
  struct State {
    graph::Variable variable;
    Tensor value;
    Tensor spare;
  };
  std::vector<State> states_;
};

}  // namespace coinfer::runtime
