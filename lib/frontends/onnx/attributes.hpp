#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "frontends/onnx/tensors.hpp"
#include "frontends/onnx/wire.hpp"
#include "graph/attributes.hpp"

namespace coinfer::frontends::onnx {

/// The attributes that a call of a function gives to its body, by name.
using Bindings = std::unordered_map<std::string_view, const AttributeView*>;

/// What a reference to an attribute of the enclosing function stands for, else the attribute
/// itself; null when the caller left it out and it has no default. Throws ModelFileError for a
/// reference outside of a function.
const AttributeView* resolve(const AttributeView& view, const Bindings* bindings,
                             std::string_view node);

/// The value of a resolved attribute that is no graph. Throws Unsupported for lists of tensors or
/// graphs, types and sparse tensors, ModelFileError when it has no value.
graph::Attribute read_attribute(const AttributeView& view, std::string_view name,
                                std::string_view node, TensorReader& tensors);

/// The value of a Constant node; throws like read_attribute.
Tensor read_constant(const NodeView& node, const Bindings* bindings, std::string_view title,
                     TensorReader& tensors);

}  // namespace coinfer::frontends::onnx
