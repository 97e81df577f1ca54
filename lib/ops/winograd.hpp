#pragma once

#include "ops/window.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {

/// A convolution by kernels/winograd, where that is quicker than oneDNN's and the panels'. False
/// when it is not, or cannot be done so. `window` has its padding in numbers.
bool lower_winograd(plan::Lowering& lowering, const graph::Node& node, const Window& window);

}  // namespace coinfer::ops
