#include "module/argument_errors.hpp"

#include "asyncio_bridge/gil.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

ternaryfunc call_function = nullptr;  // set at import, under the GIL

/// What stands between the first parenthesis and the last: "long timeout, double x=1".
std::string_view inside_parentheses(std::string_view text) {
  const auto first = text.find('(');
  const auto last = text.rfind(')');
  if (first == std::string_view::npos || last == std::string_view::npos) {
    return {};
  }
  return text.substr(first + 1, last - first - 1);
}

/// "std::vector<int, std::allocator<int> > x" -> "std::vector x"
std::string without_templates(std::string_view text) {
  std::string plain;
  int depth = 0;
  for (const char letter : text) {
    depth += letter == '<' ? 1 : 0;
    if (depth == 0) {
      plain += letter;
    }
    depth -= letter == '>' ? 1 : 0;
  }
  return plain;
}

/// Without `self`, which comes first.
std::string_view without_first(std::string_view parameters) {
  const auto comma = parameters.find(", ");
  return comma == std::string_view::npos ? std::string_view{} : parameters.substr(comma + 2);
}

/// "long timeout, double x=1" -> "timeout, x=1"
std::string names_of(std::string_view parameters) {
  std::string names;
  while (!parameters.empty()) {
    const auto comma = parameters.find(", ");
    auto one = parameters.substr(0, comma);
    parameters = comma == std::string_view::npos ? "" : parameters.substr(comma + 2);
    for (const std::string_view mark : {" {lvalue}", "]"}) {
      if (one.ends_with(mark)) {
        one.remove_suffix(mark.size());
      }
    }
    const auto space = one.rfind(' ');
    names += names.empty() ? "" : ", ";
    names += space == std::string_view::npos ? std::string_view{"…"} : one.substr(space + 1);
  }
  return names;
}

/// The one line for Boost.Python's text:
///   Python argument types in\n    Class.method(Class, str)\ndid not match C++ signature:\n    …
std::string one_line(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find("\n    ");
    const auto did = text.find("\ndid not");
    lines.push_back(text.substr(0, std::min(end, did)));
    text = end == std::string_view::npos ? "" : text.substr(end + 5);
  }
  if (lines.size() < 3) {
    return {};
  }
  const auto name = lines[1].substr(0, lines[1].find('('));
  const bool method = !name.starts_with("coinfer");
  const auto given = inside_parentheses(lines[1]);
  std::string takes;
  for (std::size_t i = 2; i < lines.size(); ++i) {
    const auto line = without_templates(lines[i]);
    const auto parameters = inside_parentheses(line);
    takes += takes.empty() ? "" : " or ";
    takes += fmt::format("({})", names_of(method ? without_first(parameters) : parameters));
  }
  return fmt::format("{}() takes {}; ({}) was given", name, takes,
                     method ? without_first(given) : given);
}

/// "str" for "std::__cxx11::basic_string<…>", "an integer" for "long".
std::string_view python_name(std::string_view type) {
  if (type.starts_with("std::") && type.find("basic_string") < type.find('<')) {
    return "str";
  }
  if (type == "double" || type == "float") {
    return "float";
  }
  if (type == "bool") {
    return type;
  }
  for (const std::string_view integer : {"long", "int", "unsigned", "short"}) {
    if (type.starts_with(integer)) {
      return "int";
    }
  }
  return {};
}

/// The one line for the text of a conversion that failed:
///   No registered converter was able to produce a C++ rvalue of type long from this Python object
///   of type list
std::string converter_line(std::string_view text) {
  constexpr std::string_view to = " of type ";
  constexpr std::string_view from = " from this Python object of type ";
  const auto begin = text.find(to);
  const auto end = text.find(from);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return {};
  }
  const auto type = text.substr(begin + to.size(), end - begin - to.size());
  const auto given = text.substr(end + from.size());
  const auto name = python_name(type);
  return name.empty() ? fmt::format("{} cannot be used here", given)
                      : fmt::format("{} was expected, not {}", name, given);
}

PyObject* call(PyObject* function, PyObject* args, PyObject* keywords) {
  auto* result = call_function(function, args, keywords);
  if (result != nullptr || PyErr_ExceptionMatches(PyExc_TypeError) == 0) {
    return result;
  }
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  const auto text = PyRef::steal(value == nullptr ? nullptr : PyObject_Str(value));
  const auto* utf8 = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  PyErr_Clear();
  const std::string_view before{utf8 == nullptr ? "" : utf8};
  const auto line = before.starts_with("Python argument types in")  ? one_line(before)
                    : before.starts_with("No registered converter") ? converter_line(before)
                                                                    : "";
  if (line.empty()) {
    PyErr_Restore(type, value, traceback);
    return nullptr;
  }
  const auto [a, b, c] =
      std::tuple{PyRef::steal(type), PyRef::steal(value), PyRef::steal(traceback)};
  PyErr_SetString(PyExc_TypeError, line.c_str());
  return nullptr;
}

void nothing() {}

}  // namespace

void shorten_argument_errors() {
  const auto function = bp::make_function(&nothing);
  call_function = Py_TYPE(function.ptr())->tp_call;
  Py_TYPE(function.ptr())->tp_call = &call;
}

}  // namespace coinfer::python
