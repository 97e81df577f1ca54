#pragma once

#include <Python.h>

#include <boost/python.hpp>
#include <memory>
#include <vector>

#include "asyncio_bridge/gil.hpp"
#include "coinfer/compiled_model.hpp"
#include "coinfer/model.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {

/// ConstOutput: ports of compiled models and requests.
void register_ports();

/// The port inside a Python ConstOutput or Output; null when it is none.
const PortRef* port_in(PyObject* object) noexcept;

/// A Python ConstOutput; a new reference.
PyObject* wrap_port(const PortRef& port);

/// "'x', 'y'": the names of the ports, for errors.
std::string list_names(const std::vector<PortRef>& ports);

/// How errors name a port: "input 'x' (f32 [1,3,?])".
std::string describe_port(const Port& port);

/// The part of a model's repr that lists its ports.
std::string show_ports(const std::vector<PortRef>& inputs, const std::vector<PortRef>& outputs);

/// What Python needs to know of a compiled model's ports, made once for each. Only Python objects
/// hold it, so that it is freed under the GIL. Immutable.
class PortTable {
 public:
  explicit PortTable(CompiledModel model);

  const CompiledModel& model() const noexcept { return model_; }
  const std::vector<PortRef>& inputs() const noexcept { return model_.inputs(); }
  const std::vector<PortRef>& outputs() const noexcept { return model_.outputs(); }

  /// The input meant by a name, an index or a port. Throws Error listing what there is, TypeError
  /// for another kind of key.
  std::size_t find_input(PyObject* key) const;
  /// A new reference to the ConstOutput of an input or output.
  PyObject* input_port(std::size_t index) const;
  PyObject* output_port(std::size_t index) const;
  /// New lists of the ConstOutputs.
  PyObject* input_ports() const { return PySequence_List(inputs_.get()); }
  PyObject* output_ports() const { return PySequence_List(outputs_.get()); }
  /// (tuple of output ports, {name | index | port: index}): what an OVDict shares.
  PyObject* results_table() const noexcept { return results_table_.get(); }

 private:
  CompiledModel model_;
  bridge::PyRef inputs_;       // tuple of ConstOutput
  bridge::PyRef outputs_;      // tuple of ConstOutput
  bridge::PyRef input_index_;  // {name | index | port: index}
  bridge::PyRef results_table_;
};

/// Throws Error unless there is one port.
void check_single(const std::vector<PortRef>& ports, bool output);
/// The index given by the user.
std::size_t port_index(PyObject* key, bool output);

/// Throws PythonError (TypeError) for None.
void check_key(const boost::python::object& key, const char* method);

/// Implementation of `input()`, `input(index)` and `input(name)`; also for outputs.
template <class Model>
PortRef find_port(const Model& model, const boost::python::object& key, bool output) {
  const auto& ports = output ? model.outputs() : model.inputs();
  if (key.is_none()) {
    check_single(ports, output);
    return ports[0];
  }
  if (PyUnicode_Check(key.ptr())) {
    const std::string name = boost::python::extract<std::string>(key);
    return output ? model.output(std::string_view{name}) : model.input(std::string_view{name});
  }
  const auto index = port_index(key.ptr(), output);
  if constexpr (std::is_same_v<Model, coinfer::Model>) {
    if (index >= ports.size()) {
      throw_index_error(fmt::format("the model has no {0} {1}; it has {2} {0}s",
                                    output ? "output" : "input", index, ports.size()));
    }
  }
  return output ? model.output(index) : model.input(index);
}

}  // namespace coinfer::python
