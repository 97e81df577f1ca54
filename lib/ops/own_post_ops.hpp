#pragma once

#include <optional>
#include <vector>

#include "plan/lowering.hpp"

namespace coinfer::ops {

/// Post-ops from `first` on that our own convolutions and products do themselves: a residual of the
/// result's extents, ReLU, or one after the other.
struct OwnPostOps {
  /// `allow_gelu`: instead of ReLU, that with erf.
  OwnPostOps(const plan::Lowering& lowering, const graph::Node& node, std::size_t first,
             bool allow_gelu = false);

  /// Adds the residual, if there is one, to `sources`. Where the result may be written over it, in
  /// which case the node's output is that memory.
  std::optional<plan::View> add_operand(plan::Lowering& lowering, const graph::Node& node,
                                        const Dims& strides,
                                        std::vector<plan::View>& sources) const;

  std::size_t first;
  std::size_t end;
  bool sum = false;
  bool relu = false;
  bool gelu = false;
};

}  // namespace coinfer::ops
