#pragma once

namespace coinfer::python {

/// From now on a call of a Boost.Python function with arguments that fit none of its signatures is
/// a TypeError of one line that names the Python parameters, and not the C++ ones.
void shorten_argument_errors();

}  // namespace coinfer::python
