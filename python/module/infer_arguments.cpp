#include "module/infer_arguments.hpp"

#include "module/hot_method.hpp"

namespace coinfer::python {

bool share_flag(PyObject* share_inputs, PyObject* shared_memory, bool otherwise) {
  if (shared_memory == nullptr) {
    return flag(share_inputs, otherwise);
  }
  if (share_inputs != nullptr) {
    throw_type_error("shared_memory is the older name of share_inputs; give one of them");
  }
  if (PyErr_WarnEx(PyExc_DeprecationWarning, "`shared_memory` is deprecated; use `share_inputs`",
                   1) < 0) {
    throw bridge::PythonError{};
  }
  return flag(shared_memory, otherwise);
}

InferArguments InferArguments::parse(const char* method, PyObject* const* args, Py_ssize_t count,
                                     PyObject* keywords, bool share_by_default) {
  static const Parameters<5> parameters{
      "infer", 3, {"inputs", "share_inputs", "share_outputs", "decode_strings", "shared_memory"}};
  const auto [inputs, share_inputs, share_outputs, decode_strings, shared_memory] =
      parameters.parse(args, count, keywords, method);
  return {inputs, share_flag(share_inputs, shared_memory, share_by_default),
          flag(share_outputs, false), flag(decode_strings, true)};
}

StartArguments StartArguments::parse(const char* method, PyObject* const* args, Py_ssize_t count,
                                     PyObject* keywords) {
  static const Parameters<4> parameters{
      "start_async", 3, {"inputs", "userdata", "share_inputs", "shared_memory"}};
  const auto [inputs, userdata, share_inputs, shared_memory] =
      parameters.parse(args, count, keywords, method);
  return {inputs, userdata, share_flag(share_inputs, shared_memory, false)};
}

}  // namespace coinfer::python
