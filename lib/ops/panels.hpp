#pragma once

#include "ops/matmul.hpp"
#include "ops/op.hpp"
#include "ops/window.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {

/// A convolution by kernels/panel_conv, or kernels/amx_conv in bf16, where these are quicker than
/// oneDNN. False when it is
/// not, or cannot be done so. `window` has its padding in numbers.
bool lower_panels(plan::Lowering& lowering, const graph::Node& node, const Window& window);
/// The same for a product of a few rows with constant weights, to a dense row-major result. `bias`
/// is one number a column; the node's post-ops from `first` on follow.
bool lower_panels(plan::Lowering& lowering, const graph::Node& node, const Multiplication& work,
                  const std::optional<plan::View>& bias, std::size_t first);

/// The node is a product of f32 that is likely to be one of these, on several threads, and then has
/// each of them read its own copy of the first operand where there are copies.
bool may_read_copies(const plan::Lowering& lowering, const graph::Node& node);

}  // namespace coinfer::ops
