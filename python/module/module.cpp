#define COINFER_IMPORTS_NUMPY
#include "module/array.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/numpy.hpp"
#include "module/port.hpp"
#include "module/shape.hpp"
#include "module/tensor.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

int import_numpy() {
  import_array1(-1);
  return 0;
}

void register_all() {
  if (import_numpy() < 0) {
    throw bridge::PythonError{};
  }
  bp::scope().attr("__version__") = COINFER_VERSION;
  // Classes say where users find them, not where they are made.
  bp::scope().attr("__name__") = "coinfer";
  bp::docstring_options documentation{true, false, false};
  register_exceptions();
  register_element_types();
  register_arrays();
  register_shapes();
  register_ports();
  register_tensor();
  bp::scope().attr("__name__") = "coinfer._coinfer";
}

}  // namespace
}  // namespace coinfer::python

BOOST_PYTHON_MODULE(_coinfer) {
  try {
    coinfer::python::register_all();
  } catch (const coinfer::bridge::PythonError&) {
    boost::python::throw_error_already_set();
  }
}
