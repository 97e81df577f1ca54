#pragma once

/// The end of the interpreter, and what tests look at.
namespace coinfer::python {

/// `_shutdown` and `_live_objects`; call once.
void register_lifecycle();

}  // namespace coinfer::python
