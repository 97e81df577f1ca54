#pragma once

#include <boost/python.hpp>

#include "coinfer/model.hpp"
#include "coinfer/node.hpp"

/// Runtime info in Python: `RTMap`, a view of the notes on a model, node or port, whose values are
/// `coinfer.OVAny`.
namespace coinfer::python {

boost::python::object wrap_rt_info(const Model& model);
boost::python::object wrap_rt_info(const Node& node, NotesPlace place = {});
/// Notes that belong to a compiled model's port, or to nobody else.
boost::python::object wrap_rt_info(std::shared_ptr<RtInfo> info);

/// A note as a coinfer.OVAny; one with entries holds a dict.
boost::python::object note_to_python(const RtInfo& note);
/// A bool, number, text, list of one of these, dict by name, or a coinfer.OVAny of them. Throws
/// PythonError (TypeError) for anything else.
RtInfo note_from_python(const boost::python::object& value);

void register_rt_info();

}  // namespace coinfer::python
