#pragma once

namespace coinfer::python {

/// Makes `__weakref__` of all instances of Boost.Python classes read-only, as it is everywhere else
/// in Python: an object assigned to it would be taken for the list of weak references when the
/// instance ends.
void guard_instances();

}  // namespace coinfer::python
