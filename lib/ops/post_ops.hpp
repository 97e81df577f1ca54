#pragma once

#include <dnnl.hpp>
#include <optional>
#include <vector>

#include "plan/lowering.hpp"

namespace coinfer::ops {

/// A node's post-ops as attributes and arguments of a primitive whose destination has the node's
/// result in extents `primitive_dims` (the node's own, or with leading ones merged).
class PostOps {
 public:
  /// `strides` are those that the node's result will have. `allow_sum`: an operand that is not read
  /// again may become the destination. Starts at post-op `first`.
  PostOps(plan::Lowering& lowering, const graph::Node& node, const Dims& strides,
          const Shape& primitive_dims, bool allow_sum, std::size_t first = 0);

  /// False when an operand cannot be given in the primitive's extents.
  bool fits() const { return fits_; }
  const dnnl::primitive_attr& attr() const { return attr_; }
  /// Appends the operands.
  void append_to(std::vector<plan::Argument>& arguments) const;
  /// Where the node writes: over a summed operand, else new memory.
  plan::View destination();

 private:
  bool add_operand(const graph::PostOp& post_op, const Shape& primitive_dims, bool allow_sum);

  plan::Lowering& lowering_;
  const graph::Node& node_;
  Dims strides_;
  dnnl::post_ops ops_;
  dnnl::primitive_attr attr_;
  std::vector<plan::Argument> arguments_;
  std::optional<plan::View> summed_;
  bool fits_ = true;
};

/// Writes the node's post-ops as steps of their own, over its result.
void lower_post_ops(plan::Lowering& lowering, const graph::Node& node, std::size_t first = 0);

/// OpDef::lower of element-wise functions and of binary operations.
bool lower_eltwise(plan::Lowering& lowering, const graph::Node& node);
bool lower_binary(plan::Lowering& lowering, const graph::Node& node);

}  // namespace coinfer::ops
