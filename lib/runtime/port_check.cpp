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

}  // namespace coinfer::runtime
