#include "module/properties.hpp"

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/model.hpp"

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

/// The text of a member of an enumeration; not only of ours.
std::string choice_text(PyObject* value) {
  const auto* attribute = PyObject_HasAttrString(value, "text") != 0 ? "text" : "name";
  return text_of(PyRef::steal(checked(PyObject_GetAttrString(value, attribute))).get());
}

Property property_from(PyObject* value, const std::string& name) {
  if (PyBool_Check(value)) {
    return Property{value == Py_True};
  }
  if (is_type(value)) {
    return Property{std::string{name_of(element_type_from(value))}};
  }
  if (PyObject_HasAttrString(reinterpret_cast<PyObject*>(Py_TYPE(value)), "__members__") != 0) {
    return Property{choice_text(value)};
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
  if (PyList_Check(value) || PyTuple_Check(value) || PyAnySet_Check(value)) {
    const auto items = PyRef::steal(checked(PySequence_Tuple(value)));
    std::vector<std::string> texts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
      auto* item = PyTuple_GET_ITEM(items.get(), i);
      const bool choice =
          PyObject_HasAttrString(reinterpret_cast<PyObject*>(Py_TYPE(item)), "__members__") != 0;
      if (!choice && !PyUnicode_Check(item)) {
        throw_type_error(fmt::format("the property {} cannot have items of type {}", name,
                                     Py_TYPE(item)->tp_name));
      }
      texts.push_back(choice ? choice_text(item) : text_of(item));
    }
    return Property{std::move(texts)};
  }
  if (PyObject_HasAttrString(value, "__fspath__") != 0) {
    return Property{text_of(PyRef::steal(checked(PyOS_FSPath(value))).get())};
  }
  throw_type_error(
      fmt::format("the property {} cannot be of type {}", name, Py_TYPE(value)->tp_name));
}

/// The classes of enumerated values in `coinfer.properties`, by property.
struct EnumClass {
  const char* property;
  const char* module;
  const char* name;
};
constexpr std::array<EnumClass, 8> enum_classes{{
    {"PERFORMANCE_HINT", "coinfer.properties.hint", "PerformanceMode"},
    {"EXECUTION_MODE_HINT", "coinfer.properties.hint", "ExecutionMode"},
    {"MODEL_PRIORITY", "coinfer.properties.hint", "Priority"},
    {"SCHEDULING_CORE_TYPE", "coinfer.properties.hint", "SchedulingCoreType"},
    {"LOG_LEVEL", "coinfer.properties.log", "Level"},
    {"DEVICE_TYPE", "coinfer.properties.device", "Type"},
    {"TBB_PARTITIONER", "coinfer.properties.intel_cpu", "TbbPartitioner"},
    {"CACHE_MODE", "coinfer.properties", "CacheMode"},
}};

bool is_precision(const std::string& name) {
  return name == "INFERENCE_PRECISION_HINT" || name.ends_with("_CACHE_PRECISION");
}

template <class T>
bp::object to_python(const std::string&, const T& value) {
  return bp::object{value};
}

bp::object to_python(const std::string&, std::monostate) { return {}; }

bp::object to_python(const std::string& name, const std::vector<std::string>& value) {
  bp::list list;
  for (const auto& text : value) {
    list.append(text);
  }
  if (name != "MODEL_DISTRIBUTION_POLICY") {
    return list;
  }
  const auto policy = bp::import("coinfer.properties.hint").attr("ModelDistributionPolicy");
  auto policies = bp::object{bp::handle<>(PySet_New(nullptr))};
  for (const auto& text : value) {
    policies.attr("add")(policy.attr("of")(text));
  }
  return policies;
}

template <class Number>
bp::object to_python(const std::string&, const std::vector<Number>& value) {
  bp::list list;
  for (const auto number : value) {
    list.append(number);
  }
  return bp::tuple{list};
}

bp::object to_python(const std::string& name, const std::string& value) {
  if (is_precision(name)) {
    return bp::object{bp::handle<>(bp::borrowed(
        type_object(value == "undefined" ? ElementType::dynamic : element_type(value))))};
  }
  for (const auto& one : enum_classes) {
    if (name == one.property) {
      const auto text = value == "DEFAULT" ? std::string{"MEDIUM"} : value;
      return bp::import(one.module).attr(one.name).attr("of")(text);
    }
  }
  return bp::object{value};
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
    access_of(name);  // throws for an unknown one, whatever its value is
    properties.insert_or_assign(name, property_from(held.get(), name));
  }
  return properties;
}

Properties compile_properties_from(const bp::object& dict) {
  if (!PyDict_Check(dict.ptr())) {
    return properties_from(dict);
  }
  bp::dict own = bp::dict{dict}.copy();
  const bp::object by_device = own.attr("pop")("DEVICE_PROPERTIES", bp::dict{});
  if (!PyDict_Check(by_device.ptr())) {
    throw Error(fmt::format(
        "the property DEVICE_PROPERTIES cannot be of type {}; a dict by device was expected",
        Py_TYPE(by_device.ptr())->tp_name));
  }
  const bp::object of_device = bp::dict{by_device}.get("CPU", bp::dict{});
  if (!PyDict_Check(of_device.ptr())) {
    throw Error(
        fmt::format("the property DEVICE_PROPERTIES cannot hold a {} for CPU; a dict was expected",
                    Py_TYPE(of_device.ptr())->tp_name));
  }
  own.update(of_device);
  if (bp::extract<const PyModel&>{own.get("MODEL_PTR")}.check()) {
    own.attr("pop")("MODEL_PTR");
  }
  return properties_from(own);
}

bp::object property_value(const std::string& name, const Property& property) {
  return std::visit([&](const auto& value) { return to_python(name, value); }, property.value());
}

bp::dict supported_properties(const Property& names, bool writable) {
  bp::dict all;
  for (const auto& name : std::get<std::vector<std::string>>(names.value())) {
    const auto access = writable ? access_of(name) : Access::read_only;
    all[name] = access == Access::read_only ? "RO" : access == Access::read_write ? "RW" : "WO";
  }
  return all;
}

}  // namespace coinfer::python
