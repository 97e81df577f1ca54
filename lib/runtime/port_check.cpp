#include "runtime/port_check.hpp"

#include "coinfer/error.hpp"

namespace coinfer::runtime {

std::string title(const Port& port) {
  return fmt::format("{} {}{}", port.is_output ? "output" : "input", port.index,
                     port.names.empty() ? std::string{} : fmt::format(" '{}'", port.names.front()));
}

void check_fits(const Port& port, const Tensor& tensor) {
  if (!tensor) {
    throw Error(fmt::format("{}: a tensor was expected, a null one came", title(port)));
  }
  if (port.type != ElementType::dynamic && tensor.type() != port.type) {
    throw Error(fmt::format("{}: a tensor of element type {} came, {} was expected", title(port),
                            name_of(tensor.type()), name_of(port.type)));
  }
  if (!port.shape.contains(tensor.shape())) {
    throw Error(fmt::format("{}: a tensor of shape {} came, {} was expected", title(port),
                            tensor.shape().to_string(), port.shape.to_string()));
  }
}

void check_inputs(const Compiled& model, std::span<const Tensor> inputs) {
  if (inputs.size() != model.inputs().size()) {
    throw Error(fmt::format("the model '{}' has {} inputs; {} tensors came", model.name(),
                            model.inputs().size(), inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_fits(*model.inputs()[i], inputs[i]);
  }
}

}  // namespace coinfer::runtime
