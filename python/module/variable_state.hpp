#pragma once

namespace coinfer::python {

/// The class VariableState.
void register_variable_state();

}  // namespace coinfer::python
