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

/// "std::vector<int, std::allocator<int> > x" -> "std::vector x", and without the parentheses of
/// "(anonymous namespace)::".
std::string without_templates(std::string_view given) {
  constexpr std::string_view unnamed = "(anonymous namespace)::";
  std::string text{given};
  for (auto at = text.find(unnamed); at != std::string::npos; at = text.find(unnamed)) {
    text.erase(at, unnamed.size());
  }
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

/// "long timeout, double x=1" -> "timeout, x=1"
std::string names_of(std::string_view parameters) {
  std::string names;
  while (!parameters.empty()) {
    const auto comma = parameters.find(", ");
    auto one = parameters.substr(0, comma);
    parameters = comma == std::string_view::npos ? "" : parameters.substr(comma + 2);
    constexpr std::string_view mark = " {lvalue}";
    if (one.ends_with(mark)) {
      one.remove_suffix(mark.size());
    }
    const auto space = one.rfind(' ');
    names += names.empty() ? "" : ", ";
    names += space == std::string_view::npos ? std::string_view{"…"} : one.substr(space + 1);
  }
  return names;
}

/// "int, x=str": the types of what was given; a method's without that of `self`.
std::string types_of(PyObject* args, PyObject* keywords, bool method) {
  std::string types;
  const auto add = [&](std::string_view name, PyObject* value) {
    types += types.empty() ? "" : ", ";
    types += name.empty() ? "" : fmt::format("{}=", name);
    types += Py_TYPE(value)->tp_name;
  };
  for (Py_ssize_t i = method ? 1 : 0; i < PyTuple_GET_SIZE(args); ++i) {
    add({}, PyTuple_GET_ITEM(args, i));
  }
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  for (Py_ssize_t at = 0; keywords != nullptr && PyDict_Next(keywords, &at, &key, &value) != 0;) {
    const auto* name = PyUnicode_AsUTF8(key);
    PyErr_Clear();
    add(name == nullptr ? "?" : name, value);
  }
  return types;
}

/// "PrePostProcessor.input" for "_PrePostProcessor.input", "Shape" for "Shape.__init__".
std::string_view public_name(std::string_view name) {
  constexpr std::string_view constructor = ".__init__";
  if (name.ends_with(constructor)) {
    name.remove_suffix(constructor.size());
  }
  if (name.starts_with('_')) {
    name.remove_prefix(1);
  }
  return name;
}

/// The one line for Boost.Python's text:
///   Python argument types in\n    Class.method(Class, str)\ndid not match C++ signature:\n    …
std::string one_line(std::string_view text, PyObject* args, PyObject* keywords) {
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
  bool method = false;
  std::string takes;
  for (std::size_t i = 2; i < lines.size(); ++i) {
    const auto line = without_templates(lines[i]);
    auto names = names_of(inside_parentheses(line));
    // `self` comes first, and is the one that never has a name where others have.
    if (names.starts_with("…")) {
      method = true;
      names.erase(0, names.find(", ") == std::string::npos ? names.size() : names.find(", ") + 2);
    }
    takes += fmt::format("{}({})", takes.empty() ? "" : " or ", names);
  }
  return fmt::format("{}() takes {}; ({}) was given", public_name(name), takes,
                     types_of(args, keywords, method));
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

/// "Core.read_model" when the function takes `self`; empty for those of the module and for static
/// methods.
std::string method_name(PyObject* function) {
  const auto* known = reinterpret_cast<const bp::objects::function*>(function);
  auto* module = PyImport_AddModule("coinfer._coinfer");
  const auto& owner = known->get_namespace();
  const auto& name = known->name();
  if (module == nullptr || !PyUnicode_Check(owner.ptr()) || !PyUnicode_Check(name.ptr())) {
    PyErr_Clear();
    return {};
  }
  const auto type = PyRef::steal(PyObject_GetAttr(module, owner.ptr()));
  PyErr_Clear();
  if (!type || !PyType_Check(type.get())) {
    return {};
  }
  const auto* found =
      PyDict_GetItem(reinterpret_cast<PyTypeObject*>(type.get())->tp_dict, name.ptr());
  return found != nullptr && Py_IS_TYPE(found, &PyStaticMethod_Type)
             ? std::string{}
             : fmt::format("{}.{}", PyUnicode_AsUTF8(owner.ptr()), PyUnicode_AsUTF8(name.ptr()));
}

/// Boost.Python looks for the name of `self` when it is not given by position, and crashes.
bool check_self(PyObject* function, PyObject* args, PyObject* keywords) {
  if (PyTuple_GET_SIZE(args) != 0 || keywords == nullptr || PyDict_GET_SIZE(keywords) == 0) {
    return true;
  }
  const auto name = method_name(function);
  if (name.empty()) {
    return true;
  }
  PyErr_Format(PyExc_TypeError, "unbound method %s() needs an argument",
               std::string{public_name(name)}.c_str());
  return false;
}

PyObject* call(PyObject* function, PyObject* args, PyObject* keywords) {
  if (!check_self(function, args, keywords)) {
    return nullptr;
  }
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
  const auto line = before.starts_with("Python argument types in")
                        ? one_line(before, args, keywords)
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
