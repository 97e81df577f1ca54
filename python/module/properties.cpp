#include "module/properties.hpp"

#include "asyncio_bridge/gil.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

std::string text_of(PyObject* object) {
  Py_ssize_t length = 0;
  const auto* text = PyUnicode_AsUTF8AndSize(object, &length);
  if (text == nullptr) {
    throw bridge::PythonError{};
  }
  return {text, static_cast<std::size_t>(length)};
}

Property property_from(PyObject* value, const std::string& name) {
  if (PyBool_Check(value)) {
    return Property{value == Py_True};
  }
  if (is_type(value)) {
    return Property{std::string{name_of(element_type_from(value))}};
  }
  // Enumerations first: some of them are integers or strings too.
  if (PyObject_HasAttrString(reinterpret_cast<PyObject*>(Py_TYPE(value)), "__members__") != 0) {
    const auto text = PyRef::steal(checked(PyObject_GetAttrString(value, "value")));
    if (PyUnicode_Check(text.get())) {
      return Property{text_of(text.get())};
    }
    const auto label = PyRef::steal(checked(PyObject_GetAttrString(value, "name")));
    return Property{text_of(label.get())};
  }
  if (PyUnicode_Check(value)) {
    return Property{text_of(value)};
  }
  if (PyFloat_Check(value)) {
    return Property{PyFloat_AS_DOUBLE(value)};
  }
  if (PyIndex_Check(value)) {
    const auto number = PyLong_AsLongLong(PyRef::steal(checked(PyNumber_Index(value))).get());
    if (number == -1 && PyErr_Occurred() != nullptr) {
      throw bridge::PythonError{};
    }
    return Property{static_cast<std::int64_t>(number)};
  }
  if (PyList_Check(value) || PyTuple_Check(value)) {
    const auto items = PyRef::steal(checked(PySequence_Tuple(value)));
    std::vector<std::string> texts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
      texts.push_back(text_of(PyTuple_GET_ITEM(items.get(), i)));
    }
    return Property{std::move(texts)};
  }
  throw_type_error(
      fmt::format("the property {} cannot be of type {}", name, Py_TYPE(value)->tp_name));
}

}  // namespace

std::string property_name(const bp::object& name) {
  if (!PyUnicode_Check(name.ptr())) {
    throw_type_error(
        fmt::format("a property's name is a str, not {}", Py_TYPE(name.ptr())->tp_name));
  }
  return text_of(name.ptr());
}

Properties properties_from(const bp::object& dict) {
  Properties properties;
  if (dict.is_none()) {
    return properties;
  }
  if (!PyDict_Check(dict.ptr())) {
    throw_type_error(fmt::format("properties are a dict, not {}", Py_TYPE(dict.ptr())->tp_name));
  }
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(dict.ptr(), &at, &key, &value) != 0;) {
    const auto name = property_name(bp::object{bp::handle<>(bp::borrowed(key))});
    const auto held = PyRef::borrow(value);
    properties.insert_or_assign(name, property_from(held.get(), name));
  }
  return properties;
}

bp::object property_value(const std::string& name, const Property& property) {
  return std::visit(
      [&](const auto& value) -> bp::object {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return {};
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          if (name == "SUPPORTED_PROPERTIES") {
            bp::dict all;
            for (const auto& text : value) {
              all[text] = "RO";
            }
            return all;
          }
          bp::list list;
          for (const auto& text : value) {
            list.append(text);
          }
          return list;
        } else if constexpr (std::is_same_v<T, std::pair<std::int64_t, std::int64_t>>) {
          return bp::make_tuple(value.first, value.second);
        } else if constexpr (std::is_same_v<T, std::string>) {
          if (name == "INFERENCE_PRECISION_HINT") {
            return bp::object{bp::handle<>(bp::borrowed(type_object(element_type(value))))};
          }
          return bp::object{value};
        } else {
          return bp::object{value};
        }
      },
      property.value());
}

}  // namespace coinfer::python
