#pragma once

#include "plan/lowering.hpp"

namespace coinfer::ops {

/// A Mul of an image whose pixels lie one behind another with a number a channel, as in squeeze and
/// excite. oneDNN calls its kernel for each pixel, which two threads do slower than one. False when
/// the node is no such product.
bool lower_channel_scale(plan::Lowering& lowering, const graph::Node& node);

}  // namespace coinfer::ops
