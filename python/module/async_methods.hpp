#pragma once

/// The awaitable methods of the classes.
namespace coinfer::python {

/// Puts `infer_async` and `__await__` on InferRequest and `infer_async` on CompiledModel; call
/// once, when the classes are there.
void register_async_methods();

}  // namespace coinfer::python
