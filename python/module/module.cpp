#define COINFER_IMPORTS_NUMPY
#include "asyncio_bridge/future.hpp"
#include "module/argument_errors.hpp"
#include "module/array.hpp"
#include "module/async.hpp"
#include "module/async_infer_queue.hpp"
#include "module/async_methods.hpp"
#include "module/batcher.hpp"
#include "module/compiled_model.hpp"
#include "module/core.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/infer_request.hpp"
#include "module/instances.hpp"
#include "module/layout.hpp"
#include "module/lifecycle.hpp"
#include "module/model.hpp"
#include "module/node.hpp"
#include "module/numpy.hpp"
#include "module/port.hpp"
#include "module/preprocess.hpp"
#include "module/results.hpp"
#include "module/rt_info.hpp"
#include "module/shape.hpp"
#include "module/stats.hpp"
#include "module/symbol.hpp"
#include "module/tensor.hpp"
#include "module/variable.hpp"
#include "module/variable_state.hpp"

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
  register_symbol();
  register_shapes();
  register_ports();
  register_layout();
  register_rt_info();
  register_nodes();
  register_tensor();
  register_results();
  register_model();
  register_variable_state();
  register_variables();
  register_preprocess();
  register_infer_request();
  register_compiled_model();
  register_async_infer_queue();
  register_batcher();
  register_core();
  register_async();
  register_async_methods();
  register_lifecycle();
  register_stats();
  guard_instances();
  shorten_argument_errors();
  bridge::set_python_error = [](const std::exception_ptr& error) { set_python_error(error); };
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
