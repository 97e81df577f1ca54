#include "module/variable_state.hpp"

#include <Python.h>

#include <boost/python.hpp>

#include "coinfer/error.hpp"
#include "coinfer/variable_state.hpp"
#include "module/tensor.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

bp::object state(const VariableState& self) {
  return bp::object{bp::handle<>(wrap_tensor(self.state()))};
}

void set_state(VariableState& self, const bp::object& value) {
  const auto* tensor = tensor_in(value.ptr());
  if (tensor == nullptr) {
    PyErr_Format(PyExc_TypeError, "the state of '%s' must be a Tensor, not %s", self.name().c_str(),
                 Py_TYPE(value.ptr())->tp_name);
    bp::throw_error_already_set();
  }
  self.set_state(*tensor);
}

std::string show(const VariableState&) { return "<VariableState>"; }

}  // namespace

void register_variable_state() {
  bp::class_<VariableState>("VariableState",
                            "What a request keeps for one variable of its model from one inference "
                            "to the next (ReadValue and Assign).\nA failed or cancelled inference "
                            "changes no state. All but `name` raise RequestBusy while an "
                            "inference\nis in flight.\n\nThread safety: as for the request.",
                            bp::no_init)
      .add_property(
          "name", +[](const VariableState& self) { return self.name(); },
          "The variable's name in the model.")
      .add_property(
          "state", &state, &set_state,
          "A Tensor: a copy of what the variable holds, zeros of the declared shape after "
          "a reset. A Tensor that is\nset is copied; RuntimeError naming the variable "
          "for a wrong element type or shape.")
      .def("reset", &VariableState::reset,
           "The next inference reads the variable's initial value again. RequestBusy while an "
           "inference is in flight.")
      .def("__repr__", &show);
}

}  // namespace coinfer::python
