#pragma once

#include <string_view>

#include "coinfer/element_type.hpp"
#include "coinfer/tensor.hpp"
#include "frontends/ir/document.hpp"

namespace coinfer::frontends::ir {

/// "f32", "boolean", … as an element type; u1, u4 and i4 are u8 and i8, undefined and dynamic are
/// dynamic. Throws Unsupported that names `what`.
ElementType element_type_of(std::string_view text, std::string_view what);

/// The value of a Const layer: over the weights' memory where its alignment allows that, else a
/// copy. Throws ModelFileError that names the layer when it does not lie in `weights` (may be
/// null).
Tensor read_constant(const Layer& layer, const MemoryRef& weights);

}  // namespace coinfer::frontends::ir
