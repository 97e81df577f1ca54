#pragma once

#include "ops/op.hpp"
#include "ops/post_ops.hpp"

namespace coinfer::ops {

/// A product of matrices as oneDNN takes it: operands of one rank, leading extents broadcast.
struct Multiplication {
  plan::View a;
  plan::View b;
  Tensor weights;  ///< set when `b` is a view of this constant, to be packed
  Shape dst_dims;  ///< the result's extents, or these with leading ones merged
  std::optional<plan::View> bias;
};

/// Adds the product with the node's post-ops. False when these do not fit merged extents, or oneDNN
/// cannot do it.
bool lower_multiplication(plan::Lowering& lowering, const graph::Node& node,
                          const Multiplication& work);

}  // namespace coinfer::ops
