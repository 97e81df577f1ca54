#include "module/variable.hpp"

#include <Python.h>

#include <boost/python.hpp>

#include "module/element_types.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

VariableInfo info_of(const PyVariable& self) { return self.info; }

}  // namespace

void register_variables() {
  bp::class_<VariableInfo>("VariableInfo",
                           "What a model declares of a variable.\n\nThread safety: immutable.",
                           bp::no_init)
      .add_property(
          "variable_id", +[](const VariableInfo& self) { return self.name; }, "The name, a str.")
      .add_property(
          "data_type",
          +[](const VariableInfo& self) {
            return bp::object{bp::handle<>(bp::borrowed(type_object(self.type)))};
          },
          "The coinfer.Type of what it holds.")
      .add_property(
          "data_shape", +[](const VariableInfo& self) { return self.shape; },
          "The PartialShape of what it holds.");
  bp::class_<PyVariable>("Variable",
                         "A variable of a model: what ReadValue reads and Assign writes. Each "
                         "request has a value\nof its own, see InferRequest.query_state. Thread "
                         "safety: never changes.",
                         bp::no_init)
      .add_property("info", &info_of, "What the model declares of it, a VariableInfo.")
      .def("get_info", &info_of, "The same as `info`.")
      .def("__repr__", +[](const PyVariable&) { return std::string{"<Variable>"}; });
}

}  // namespace coinfer::python
