#include "module/model.hpp"

#include "coinfer/error.hpp"
#include "module/exceptions.hpp"
#include "module/port.hpp"
#include "module/shape.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

bp::list inputs(const PyModel& self) { return wrap_ports(self.model.inputs(), true); }
bp::list outputs(const PyModel& self) { return wrap_ports(self.model.outputs(), true); }

bp::object input(const PyModel& self, const bp::object& key) {
  return bp::object{bp::handle<>(wrap_port(find_port(self.model, key, false), true))};
}
bp::object output(const PyModel& self, const bp::object& key) {
  return bp::object{bp::handle<>(wrap_port(find_port(self.model, key, true), true))};
}

bool is_dynamic(const PyModel& self) { return self.model.is_dynamic(); }
std::string name(const PyModel& self) { return self.model.friendly_name(); }

/// Model.reshape's inputs: one shape of a model with one input, or a dict by name, index or port.
std::vector<std::pair<std::size_t, PartialShape>> shapes_from(const Model& model,
                                                              const bp::object& given) {
  std::vector<std::pair<std::size_t, PartialShape>> shapes;
  if (!PyDict_Check(given.ptr())) {
    check_single(model.inputs(), false);
    shapes.emplace_back(0, partial_shape_from(given.ptr()));
    return shapes;
  }
  const bp::list items = bp::dict{given}.items();
  for (bp::ssize_t i = 0; i < bp::len(items); ++i) {
    const bp::object key{items[i][0]};
    const bp::object value{items[i][1]};
    const auto* port = port_in(key.ptr());
    const auto index =
        port != nullptr ? model.input((*port)->index)->index : find_port(model, key, false)->index;
    shapes.emplace_back(index, partial_shape_from(value.ptr()));
  }
  return shapes;
}

void reshape(PyModel& self, const bp::object& shapes) {
  const auto wanted = shapes_from(self.model, shapes);
  const bridge::GilReleased released;
  self.model.reshape(wanted);
}

bp::object equal(const PyModel& self, const bp::object& other) {
  const bp::extract<const PyModel&> that{other};
  return that.check() ? bp::object{self.model == that().model}
                      : bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}
std::intptr_t hash(const PyModel& self) {
  return reinterpret_cast<std::intptr_t>(&self.model.graph()) >> 4;
}

std::string show(const PyModel& self) {
  return fmt::format("<Model: '{}'\n{}>", self.model.friendly_name(),
                     show_ports(self.model.inputs(), self.model.outputs()));
}

}  // namespace

void register_model() {
  const auto none = bp::object{};
  bp::class_<PyModel>("Model",
                      "A network as read from a file. Thread safety: reading a shared model is "
                      "safe, reshaping is not.",
                      bp::no_init)
      .add_property("inputs", &inputs, "The input ports, a list.")
      .add_property("outputs", &outputs, "The output ports, a list.")
      .add_property("friendly_name", &name)
      .def("input", &input, (bp::arg("key") = none),
           "The input with that tensor name or index; without one, the only input. RuntimeError "
           "when there is none.")
      .def("output", &output, (bp::arg("key") = none),
           "The output with that tensor name or index; without one, the only output. RuntimeError "
           "when there is none.")
      .def("is_dynamic", &is_dynamic, "Has any input a shape that is not fixed?")
      .def("get_friendly_name", &name)
      .def("get_name", &name)
      .def("reshape", &reshape, bp::arg("shapes"),
           "Gives inputs new shapes and infers all others: a shape for a model with one input, or "
           "a dict of shapes by\n"
           "name, index or port. On an error (RuntimeError) the model is as before.")
      .def("__eq__", &equal)
      .def("__hash__", &hash)
      .def("__repr__", &show);
}

}  // namespace coinfer::python
