#pragma once

#include "ops/op.hpp"
#include "ops/window.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {

/// A convolution of f32 by kernels/panel_conv, where that is quicker than oneDNN. False when it is
/// not, or cannot be done so. `window` has its padding in numbers.
bool lower_panels(plan::Lowering& lowering, const graph::Node& node, const Window& window);

}  // namespace coinfer::ops
