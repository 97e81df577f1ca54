#pragma once

#include <cstddef>
#include <string_view>

#include "coinfer/node.hpp"

/// What reads what in a model, changed. Each infers all types and shapes anew, and leaves the model
/// as it was when it throws Error: for a cycle, nodes of different models, and what cannot be
/// inferred. Nodes may change their order, so that handles of them are not valid any more.
/// *Thread safety*: as for Model.
namespace coinfer {

/// Lets input `index` of `node` read `source`.
void replace_input(const Node& node, std::size_t index, const NodeOutput& source);
/// Lets all that reads `tensor` read `source`, which gets its names too. Operations that nothing
/// needs any more are dropped.
void replace_tensor(const NodeOutput& tensor, const NodeOutput& source);
/// The model without that variable, if it has one of that name. Throws Error naming the node that
/// reads or assigns it.
void remove_variable(const Model& model, std::string_view name);

}  // namespace coinfer
