#pragma once

#include "coinfer/node.hpp"

namespace coinfer::python {

/// A variable as its model declares it: a copy, what the model becomes later does not show.
struct PyVariable {
  VariableInfo info;
};

/// Registers Variable and VariableInfo.
void register_variables();

}  // namespace coinfer::python
