#include "runtime/states.hpp"

#include "coinfer/error.hpp"

namespace coinfer::runtime {

States::States(const graph::Graph& graph) {
  for (const auto& variable : graph.variables) {
    states_.push_back({variable, {}, {}});
  }
}

Tensor States::zeros(std::size_t i) const {
  const auto& variable = states_[i].variable;
  const auto type = variable.type == ElementType::dynamic ? ElementType::f32 : variable.type;
  Tensor tensor{type, variable.shape.has_rank() ? variable.shape.min_shape() : Shape{0}};
  if (type != ElementType::string && tensor.byte_size() != 0) {
    std::memset(tensor.data(), 0, tensor.byte_size());
  }
  return tensor;
}

void States::set(std::size_t i, const Tensor& tensor) {
  const auto& variable = states_[i].variable;
  if (!tensor || (variable.type != ElementType::dynamic && tensor.type() != variable.type) ||
      !variable.shape.contains(tensor.shape())) {
    throw Error(fmt::format(
        "the state of the variable '{}' is {} {}; {} came", variable.name, name_of(variable.type),
        variable.shape.to_string(),
        tensor ? fmt::format("{} {}", name_of(tensor.type()), tensor.shape().to_string())
               : std::string{"no tensor"}));
  }
  Tensor copy{tensor.type(), tensor.shape()};
  tensor.copy_to(copy);
  states_[i].value = std::move(copy);
}

void States::store(std::size_t i, Tensor next) {
  auto& state = states_[i];
  state.spare = std::move(state.value);
  state.value = std::move(next);
}

}  // namespace coinfer::runtime
