#pragma once

namespace coinfer::python {

/// The classes Core and Version.
void register_core();

}  // namespace coinfer::python
