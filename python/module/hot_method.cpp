#include "module/hot_method.hpp"

#include "asyncio_bridge/gil.hpp"

namespace coinfer::python {

void add_hot_method(PyObject* type, const char* name, FastMethod function, const char* doc) {
  // A descriptor refers to its definition for as long as the class lives: for ever.
  auto* definition =
      new PyMethodDef{name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function)),
                      METH_FASTCALL | METH_KEYWORDS, doc};
  const auto descriptor =
      bridge::PyRef::steal(PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type), definition));
  if (!descriptor || PyObject_SetAttrString(type, name, descriptor.get()) < 0) {
    throw bridge::PythonError{};
  }
}

}  // namespace coinfer::python
