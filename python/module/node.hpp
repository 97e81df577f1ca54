#pragma once

#include "coinfer/node.hpp"
#include "module/port.hpp"

namespace coinfer::python {

/// Node, Input and Output; after ConstOutput.
void register_nodes();

/// Python's Output of a model's port or of a node.
boost::python::object wrap_output(NodeOutput output);
boost::python::list wrap_outputs(const Model& model, bool outputs);
/// The output inside a Python Output; null when it is none.
const NodeOutput* output_in(PyObject* object) noexcept;

boost::python::object wrap_node(Node node);
/// Of a compiled model's port, which has no graph around it.
boost::python::object wrap_port_node(const PortRef& port);
/// The node inside a Python Node; null when it is none, or is of a compiled model.
const Node* node_in(PyObject* object) noexcept;

}  // namespace coinfer::python
