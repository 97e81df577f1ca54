#include "module/exceptions.hpp"

#include "asyncio_bridge/delivery.hpp"
#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

struct Classes {
  PyObject* error = nullptr;
  PyObject* busy = nullptr;
  PyObject* cancelled = nullptr;
  PyObject* deadline = nullptr;
  PyObject* model_file = nullptr;
  PyObject* unsupported = nullptr;
};
Classes classes;  // made at import, under the GIL; never freed

PyObject* make_class(const char* name, const char* doc, PyObject* bases) {
  auto* made = checked(
      PyErr_NewExceptionWithDoc(fmt::format("coinfer.{}", name).c_str(), doc, bases, nullptr));
  bp::scope().attr(name) = bp::object(bp::handle<>(bp::borrowed(made)));
  return made;
}

PyObject* class_of(const Error& error) {
  if (dynamic_cast<const RequestBusy*>(&error) != nullptr) {
    return classes.busy;
  }
  if (dynamic_cast<const Cancelled*>(&error) != nullptr) {
    return classes.cancelled;
  }
  if (dynamic_cast<const DeadlineExceeded*>(&error) != nullptr) {
    return classes.deadline;
  }
  if (dynamic_cast<const ModelFileError*>(&error) != nullptr) {
    return classes.model_file;
  }
  if (dynamic_cast<const Unsupported*>(&error) != nullptr) {
    return classes.unsupported;
  }
  return classes.error;
}

void set_error(PyObject* type, const char* text) {
  // Names in a model file may be any bytes.
  const auto message = bridge::PyRef::steal(
      PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(std::strlen(text)), "backslashreplace"));
  if (message) {
    PyErr_SetObject(type, message.get());
  }
}

}  // namespace

void register_exceptions() {
  classes.error = make_class(
      "Error",
      "Base of every error of coinfer. The text names what came, where, and what was expected.",
      PyExc_RuntimeError);
  classes.busy = make_class(
      "RequestBusy", "A request that is in flight was started, or its tensors were set or read.",
      classes.error);
  classes.cancelled =
      make_class("Cancelled", "The inference was cancelled before it had a result.", classes.error);
  const auto bases = bridge::PyRef::steal(PyTuple_Pack(2, classes.error, PyExc_TimeoutError));
  classes.deadline = make_class(
      "DeadlineExceeded",
      "The inference was stopped because its deadline passed. Also a TimeoutError.", bases.get());
  classes.model_file = make_class(
      "ModelFileError", "A model file is missing, damaged, or of no known format.", classes.error);
  classes.unsupported = make_class(
      "Unsupported", "The model uses an operator, type or form that coinfer does not implement.",
      classes.error);
  bp::register_exception_translator<Error>(
      [](const Error& error) { set_error(class_of(error), error.what()); });
  bp::register_exception_translator<bridge::CarriedException>(
      [](const bridge::CarriedException& carried) { carried.raise(); });
  bp::register_exception_translator<bridge::PythonError>([](const bridge::PythonError&) {});
}

void set_python_error(std::exception_ptr error) noexcept {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const bridge::PythonError&) {
  } catch (const bp::error_already_set&) {
  } catch (const bridge::CarriedException& carried) {
    carried.raise();
  } catch (const Error& what) {
    set_error(class_of(what), what.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& what) {
    set_error(classes.error, what.what());
  } catch (...) {
    set_error(classes.error, "an unknown C++ exception was thrown");
  }
}

PyObject* python_exception(std::exception_ptr error) noexcept {
  set_python_error(std::move(error));
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) {
    PyException_SetTraceback(value, traceback);
  }
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return value;
}

void throw_type_error(const std::string& text) {
  set_error(PyExc_TypeError, text.c_str());
  throw bridge::PythonError{};
}

void throw_value_error(const std::string& text) {
  set_error(PyExc_ValueError, text.c_str());
  throw bridge::PythonError{};
}

void throw_attribute_error(const std::string& text) {
  set_error(PyExc_AttributeError, text.c_str());
  throw bridge::PythonError{};
}

void throw_index_error(const std::string& text) {
  set_error(PyExc_IndexError, text.c_str());
  throw bridge::PythonError{};
}

}  // namespace coinfer::python
