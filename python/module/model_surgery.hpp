#pragma once

#include <boost/python.hpp>

#include "module/model.hpp"

/// Models made of parts of models, and the sinks, results and variables of a model changed.
namespace coinfer::python {

void register_surgery(boost::python::class_<PyModel>& model);

}  // namespace coinfer::python
