#pragma once

/// The end of the interpreter, and what tests look at.
namespace coinfer::python {

/// `_shutdown`, `_live_objects` and `stats`; call once.
void register_lifecycle();

}  // namespace coinfer::python
