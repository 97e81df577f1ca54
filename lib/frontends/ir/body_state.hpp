#pragma once

#include <span>
#include <vector>

#include "frontends/ir/writer.hpp"

namespace coinfer::frontends::ir {

/// A variable that bodies of a layer read, and perhaps assign.
struct BodyVariable {
  std::string name;
  ValueId read;  ///< in the graph around the layer: what the variable holds before it
};

/// Makes the variables of a layer's bodies variables of the graph around it: every body gets one
/// more input a variable, which takes the place of its reads, and one more output, what it leaves
/// there (its input where it assigns nothing), in the order of the result. Throws Unsupported that
/// names the layer when a variable's initial value is computed in a body, or when other layers use
/// the variable.
std::vector<BodyVariable> lift_variables(Writer& w, std::span<graph::Graph* const> bodies);

/// The values that the layer left in the variables are what the run leaves there.
void assign_variables(Writer& w, std::span<const BodyVariable> variables,
                      std::span<const ValueId> values);

graph::Variable* find_variable(graph::Graph& graph, std::string_view name);

}  // namespace coinfer::frontends::ir
