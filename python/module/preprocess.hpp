#pragma once

namespace coinfer::python {

/// The classes of coinfer.preprocess, in the native module's own submodule-like names: private
/// there, public in the package `coinfer.preprocess`.
void register_preprocess();

}  // namespace coinfer::python
