#include "module/batcher.hpp"

#include <cmath>
#include <limits>

#include "coinfer/runtime.hpp"
#include "module/construct.hpp"
#include "module/cycles.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

/// Replaces the error that is set, if it is a TypeError, by one that names the argument.
[[noreturn]] void refuse_type(const char* expected, const bp::object& value) {
  if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) {
    throw bridge::PythonError{};
  }
  PyErr_Clear();
  throw_type_error(fmt::format("{}; {} came", expected, Py_TYPE(value.ptr())->tp_name));
}

const PyCompiledModel& model_in(const bp::object& value) {
  const bp::extract<const PyCompiledModel&> model{value};
  if (!model.check()) {
    throw_type_error(
        fmt::format("a CompiledModel was expected, not {}", Py_TYPE(value.ptr())->tp_name));
  }
  return model();
}

std::int64_t max_batch_in(const bp::object& value) {
  const auto number = bridge::PyRef::steal(PyNumber_Index(value.ptr()));
  if (!number) {
    refuse_type("max_batch is an integer", value);
  }
  int overflow = 0;
  const auto max_batch = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (overflow != 0 || max_batch < 1 || max_batch > largest_batch) {
    const bp::object text{bp::handle<>(PyObject_Str(number.get()))};
    throw_value_error(fmt::format("max_batch is {}; 1 to {} was expected",
                                  bp::extract<std::string>(text)(), largest_batch));
  }
  return max_batch;
}

std::chrono::nanoseconds max_delay_in(const bp::object& value) {
  double milliseconds = PyFloat_AsDouble(value.ptr());
  if (milliseconds == -1.0 && PyErr_Occurred() != nullptr) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) {
      refuse_type("max_delay_ms is a number of milliseconds", value);
    }
    PyErr_Clear();
    milliseconds = std::numeric_limits<double>::infinity();
  }
  if (!std::isfinite(milliseconds) || milliseconds < 0) {
    throw_value_error(fmt::format(
        "max_delay_ms is {}; a finite time >= 0 in milliseconds was expected", milliseconds));
  }
  // A day is as good as for ever, and fits the clock.
  constexpr double longest = 24.0 * 3600 * 1000;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double, std::milli>{std::min(milliseconds, longest)});
}

void init_batcher(const bp::object& self, const bp::object& model, const bp::object& max_batch,
                  const bp::object& max_delay_ms) {
  const auto& compiled = model_in(model);
  const BatcherOptions options{.max_batch = max_batch_in(max_batch),
                               .max_delay = max_delay_in(max_delay_ms)};
  install_pointer(self, boost::make_shared<PyBatcher>(compiled, options));
}

bp::dict stats(const PyBatcher& self) {
  check_not_forked();
  const auto now = self.batcher().stats();
  bp::dict result;
  result["requests"] = now.requests;
  result["batches"] = now.batches;
  result["rows"] = now.rows;
  result["padding"] = now.padding;
  result["retries"] = now.retries;
  result["mean_size"] = now.mean_size();
  return result;
}

}  // namespace

void register_batcher() {
  bp::class_<PyBatcher, boost::shared_ptr<PyBatcher>, boost::noncopyable> type{
      "_Batcher",
      "What coinfer.Batcher is made of.\n\nThread safety: shared objects are safe to use.",
      bp::no_init};
  type.def("__init__", &init_batcher,
           (bp::arg("model"), bp::arg("max_batch") = 32, bp::arg("max_delay_ms") = 2.0))
      .add_property("stats", &stats,
                    "What it has done so far: `requests`, `batches` run, `rows` of requests in "
                    "them, `padding` rows\n"
                    "added, `retries` of single requests after their batch had failed, and "
                    "`mean_size`, rows a batch.");
  Collected<PyBatcher>::install(type.ptr());
}

}  // namespace coinfer::python
