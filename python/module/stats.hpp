#pragma once

namespace coinfer::python {

/// `stats`; call once.
void register_stats();

}  // namespace coinfer::python
