#include "module/results.hpp"

#include <structmember.h>

#include "module/array.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {
namespace {

using bridge::PyRef;

PyTypeObject* dict_class = nullptr;  // made at import, under the GIL; never freed
Py_ssize_t values_offset = 0;
Py_ssize_t table_offset = 0;

/// Where `__slots__` put an attribute.
Py_ssize_t slot(PyObject* type, const char* name) {
  const auto member = PyRef::steal(checked(PyObject_GetAttrString(type, name)));
  if (Py_TYPE(member.get()) != &PyMemberDescr_Type) {
    throw_type_error(fmt::format("OVDict.{} is no slot", name));
  }
  return reinterpret_cast<PyMemberDescrObject*>(member.get())->d_member->offset;
}

PyObject*& at(PyObject* object, Py_ssize_t offset) {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset);
}

}  // namespace

void register_results() {
  const auto module = PyRef::steal(checked(PyImport_ImportModule("coinfer.ovdict")));
  auto* type = checked(PyObject_GetAttrString(module.get(), "OVDict"));
  values_offset = slot(type, "_values");
  table_offset = slot(type, "_table");
  dict_class = reinterpret_cast<PyTypeObject*>(type);
}

PyObject* make_results(const PortTable& ports, std::span<const Tensor> outputs, bool share,
                       bool decode) {
  auto values = PyRef::steal(checked(PyTuple_New(static_cast<Py_ssize_t>(outputs.size()))));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& tensor = outputs[i];
    PyObject* array = nullptr;
    if (tensor.type() == ElementType::string) {
      array = strings_of(tensor, decode);
    } else {
      // An empty output has no memory to be seen.
      array = share && tensor.size() > 0 ? view_of(tensor) : copy_of(tensor);
    }
    PyTuple_SET_ITEM(values.get(), static_cast<Py_ssize_t>(i), array);
  }
  // What OVDict.__init__ does, without a call into Python.
  auto* results = checked(dict_class->tp_alloc(dict_class, 0));
  at(results, values_offset) = values.release();
  at(results, table_offset) = Py_NewRef(ports.results_table());
  return results;
}

bool is_results(PyObject* object) noexcept { return Py_TYPE(object) == dict_class; }

PyObject* results_values(PyObject* results) noexcept { return at(results, values_offset); }

}  // namespace coinfer::python
