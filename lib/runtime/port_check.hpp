#pragma once

#include <string>

#include "coinfer/model.hpp"
#include "coinfer/tensor.hpp"

namespace coinfer::runtime {

/// How errors name a port: "input 0 'x'".
std::string title(const Port& port);

/// Throws Error naming the port when the tensor's element type or shape is not the port's.
void check_fits(const Port& port, const Tensor& tensor);

}  // namespace coinfer::runtime
