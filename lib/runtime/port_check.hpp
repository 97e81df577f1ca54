#pragma once

#include <span>
#include <string>

#include "coinfer/model.hpp"
#include "coinfer/tensor.hpp"
#include "runtime/compiled.hpp"

namespace coinfer::runtime {

/// A port as errors name it: "input 0 'x'".
std::string title(const Port& port);
/// Throws Error naming the port when the tensor is null or of a wrong element type or shape.
void check_fits(const Port& port, const Tensor& tensor);
/// The same for one tensor an input; Error also for another number of them.
void check_inputs(const Compiled& model, std::span<const Tensor> inputs);

}  // namespace coinfer::runtime
