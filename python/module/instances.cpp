#include "module/instances.hpp"

#include "asyncio_bridge/gil.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {

namespace bp = boost::python;

void guard_instances() {
  const auto base = bp::objects::class_type();
  auto* type = reinterpret_cast<PyTypeObject*>(base.get());
  auto* member = PyDict_GetItemString(type->tp_dict, "__weakref__");
  if (member == nullptr || Py_TYPE(member) != &PyMemberDescr_Type) {
    return;  // another module of the process did the same
  }
  const bp::object getter = bp::object{bp::handle<>(bp::borrowed(member))}.attr("__get__");
  const bp::object property{bp::handle<>(
      PyObject_CallOneArg(reinterpret_cast<PyObject*>(&PyProperty_Type), getter.ptr()))};
  // Types that C code declares refuse to be changed from outside.
  if (PyDict_SetItemString(type->tp_dict, "__weakref__", property.ptr()) < 0) {
    throw bridge::PythonError{};
  }
  PyType_Modified(type);
}

}  // namespace coinfer::python
