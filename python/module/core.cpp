#include "module/core.hpp"

#include "asyncio_bridge/gil.hpp"
#include "coinfer/core.hpp"
#include "coinfer/error.hpp"
#include "module/compiled_model.hpp"
#include "module/construct.hpp"
#include "module/exceptions.hpp"
#include "module/model.hpp"
#include "module/overloads.hpp"
#include "module/properties.hpp"
#include "module/tensor.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::GilReleased;
using bridge::PyRef;

struct Version {
  std::string build_number;
  std::string description;
};

bool is_path(PyObject* object) {
  return PyUnicode_Check(object) || PyObject_HasAttrString(object, "__fspath__") != 0;
}

std::filesystem::path path_from(PyObject* object) {
  PyObject* bytes = nullptr;
  if (PyUnicode_FSConverter(object, static_cast<void*>(&bytes)) == 0) {
    throw bridge::PythonError{};
  }
  const auto held = PyRef::steal(bytes);
  return std::string{PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

/// The bytes of a model given as bytes, another buffer, a BytesIO or an onnx.ModelProto; a bytes
/// object, because nobody can change it while the model lives.
PyRef bytes_from(PyObject* object) {
  if (PyBytes_Check(object)) {
    return PyRef::borrow(object);
  }
  if (PyObject_CheckBuffer(object)) {
    return PyRef::steal(checked(PyBytes_FromObject(object)));
  }
  for (const auto* method : {"getvalue", "SerializeToString", "read"}) {
    if (PyObject_HasAttrString(object, method) != 0) {
      auto bytes = PyRef::steal(checked(PyObject_CallMethod(object, method, nullptr)));
      if (PyBytes_Check(bytes.get())) {
        return bytes;
      }
    }
  }
  throw_type_error(fmt::format("a model is a path, bytes, a BytesIO or an onnx.ModelProto, not {}",
                               Py_TYPE(object)->tp_name));
}

/// May it be what `read_model` takes?
bool is_source(PyObject* object) {
  return is_path(object) || PyObject_CheckBuffer(object) != 0 ||
         PyObject_HasAttrString(object, "read") != 0 ||
         PyObject_HasAttrString(object, "SerializeToString") != 0;
}

/// A str that is no path but the text of an OpenVINO IR.
bool is_xml(PyObject* object) {
  if (!PyUnicode_Check(object)) {
    return false;
  }
  Py_ssize_t size = 0;
  const auto* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (text == nullptr) {
    PyErr_Clear();
    return false;
  }
  std::string_view view{text, static_cast<std::size_t>(size)};
  view.remove_prefix(std::min(view.find_first_not_of(" \n\r\t"), view.size()));
  return view.starts_with("<?xml") || view.starts_with("<!--") || view.starts_with("<net");
}

/// The bytes of weights given as a Tensor, a path, or what bytes_from takes.
PyRef weights_from(PyObject* object) {
  if (PyObject_CheckBuffer(object) == 0 && PyObject_HasAttrString(object, "data") != 0) {
    const auto data = PyRef::steal(checked(PyObject_GetAttrString(object, "data")));
    return PyRef::steal(checked(PyBytes_FromObject(data.get())));
  }
  return bytes_from(object);
}

/// The memory of a bytes object and what keeps it.
struct KeptBytes {
  std::span<const std::byte> data;
  std::shared_ptr<void> owner;
};

KeptBytes kept_bytes(const PyRef& bytes) {
  auto* kept = bridge::Kept::make(bytes.get());
  return {{reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(bytes.get())),
           static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))},
          {kept, [](void* held) { bridge::Kept::drop(static_cast<bridge::Kept*>(held)); }}};
}

bool has_weights(const bp::object& weights) {
  if (weights.is_none()) {
    return false;
  }
  const auto length = PyObject_CheckBuffer(weights.ptr()) != 0 ? PyObject_Length(weights.ptr()) : 1;
  PyErr_Clear();
  return length != 0;
}

Model read(const Core& core, const bp::object& source, const bp::object& weights) {
  const bool apart = has_weights(weights);
  if (is_path(source.ptr()) && !is_xml(source.ptr())) {
    const auto path = path_from(source.ptr());
    if (apart && !is_path(weights.ptr())) {
      throw Error(fmt::format("the weights of the model '{}', which is a path, are a path, not {}",
                              path.string(), Py_TYPE(weights.ptr())->tp_name));
    }
    const auto beside = apart ? path_from(weights.ptr()) : std::filesystem::path{};
    const GilReleased released;
    return core.read_model(path, beside);
  }
  const auto data =
      kept_bytes(is_xml(source.ptr()) ? PyRef::steal(checked(PyUnicode_AsUTF8String(source.ptr())))
                                      : bytes_from(source.ptr()));
  MemoryRef binary;
  if (apart) {
    const auto bytes = kept_bytes(weights_from(weights.ptr()));
    // The memory is marked read-only: no one writes through this pointer.
    binary = Memory::wrap(const_cast<std::byte*>(bytes.data.data()), bytes.data.size(), bytes.owner,
                          true);
  }
  const GilReleased released;
  return core.read_model(data.data, data.owner, binary);
}

PyModel read_model(const Core& core, const bp::object& model, const bp::object& weights,
                   const bp::object& config) {
  if (!config.is_none() && bp::len(config) != 0) {
    properties_from(config);
  }
  return PyModel{read(core, model, weights)};
}

boost::shared_ptr<PyCompiledModel> compile_model(const Core& core, const bp::object& model,
                                                 const bp::object& device_name,
                                                 const bp::object& config,
                                                 const bp::object& weights) {
  if (!device_name.is_none() && !PyUnicode_Check(device_name.ptr())) {
    throw_type_error(fmt::format("device_name is a str, e.g. \"CPU\", not {}",
                                 Py_TYPE(device_name.ptr())->tp_name));
  }
  const std::string device =
      device_name.is_none() ? std::string{"CPU"} : bp::extract<std::string>(device_name)();
  if (device.empty()) {
    throw Error("the device '' is not available; there is CPU");
  }
  const auto properties = compile_properties_from(config);
  const bp::extract<const PyModel&> given{model};
  if (!given.check() && !is_source(model.ptr())) {
    throw Error(
        fmt::format("a model is a Model, a path, bytes, a BytesIO or an onnx.ModelProto; "
                    "{} was given",
                    Py_TYPE(model.ptr())->tp_name));
  }
  CompiledModel compiled;
  if (!given.check() && is_path(model.ptr()) && !has_weights(weights)) {
    const auto path = path_from(model.ptr());
    const GilReleased released;
    compiled = core.compile_model(path, device, properties);
  } else {
    const auto source = given.check() ? given().get() : read(core, model, weights);
    const GilReleased released;
    compiled = core.compile_model(source, device, properties);
  }
  return boost::make_shared<PyCompiledModel>(std::move(compiled));
}

boost::shared_ptr<PyCompiledModel> import_model(const Core& core, const bp::object& stream,
                                                const std::string& device_name,
                                                const bp::object& config) {
  const auto properties = properties_from(config);
  PyRef bytes;
  if (PyObject_CheckBuffer(stream.ptr()) != 0) {
    bytes = PyRef::borrow(stream.ptr());
  } else if (const auto* tensor = tensor_in(stream.ptr())) {
    bytes = PyRef::steal(checked(PyBytes_FromStringAndSize(
        static_cast<const char*>(tensor->data()), static_cast<Py_ssize_t>(tensor->byte_size()))));
  } else if (PyObject_HasAttrString(stream.ptr(), "getvalue") != 0) {
    bytes = PyRef::steal(checked(PyObject_CallMethod(stream.ptr(), "getvalue", nullptr)));
  } else if (PyObject_HasAttrString(stream.ptr(), "read") != 0) {
    bytes = PyRef::steal(checked(PyObject_CallMethod(stream.ptr(), "read", nullptr)));
  }
  if (!bytes || PyUnicode_Check(stream.ptr()) || PyObject_CheckBuffer(bytes.get()) == 0) {
    throw_type_error(fmt::format(
        "an exported model is bytes, a buffer, a Tensor, a BytesIO or a binary file, not "
        "{}",
        Py_TYPE(stream.ptr())->tp_name));
  }
  Py_buffer view;
  if (PyObject_GetBuffer(bytes.get(), &view, PyBUF_SIMPLE) != 0) {
    throw bridge::PythonError{};
  }
  const std::unique_ptr<Py_buffer, decltype(&PyBuffer_Release)> held{&view, &PyBuffer_Release};
  CompiledModel compiled;
  {
    const GilReleased released;
    compiled = core.import_model(
        std::span{static_cast<const std::byte*>(view.buf), static_cast<std::size_t>(view.len)},
        device_name, properties);
  }
  return boost::make_shared<PyCompiledModel>(std::move(compiled));
}

bp::dict query_model(const Core& core, const PyModel& model, const std::string& device_name,
                     const bp::object& config) {
  if (!config.is_none()) {
    properties_from(config);
  }
  bp::dict nodes;
  for (const auto& [node, device] : core.query_model(model.get(), device_name)) {
    nodes[node] = device;
  }
  return nodes;
}

bp::list available_devices(const Core& core) {
  bp::list devices;
  for (const auto& device : core.available_devices()) {
    devices.append(device);
  }
  return devices;
}

void check_device(const std::string& device) {
  if (device != "CPU" && device != "AUTO") {
    throw Error(fmt::format("the device '{}' is not available; there is CPU", device));
  }
}

bp::dict versions(const Core&, const std::string& device) {
  check_device(device);
  bp::dict versions;
  versions["CPU"] = Version{COINFER_VERSION, "coinfer"};
  return versions;
}

bp::object get_property(const Core& core, const bp::object& property) {
  const auto name = property_name(property);
  const auto value = core.get_property(name);
  return name == "SUPPORTED_PROPERTIES" ? supported_properties(value, true)
                                        : property_value(name, value);
}

bp::object get_device_property(const Core& core, const bp::object& device,
                               const bp::object& property) {
  check_device(property_name(device));
  return get_property(core, property);
}

/// No property of the CPU depends on arguments.
bp::object get_property_with(const Core& core, const bp::object& device, const bp::object& name,
                             const bp::object& arguments) {
  if (!PyDict_Check(arguments.ptr())) {
    throw_type_error(
        fmt::format("arguments are a dict, not {}", Py_TYPE(arguments.ptr())->tp_name));
  }
  return get_device_property(core, device, name);
}

/// A dict, or one (name, value).
void set_property(Core& core, const bp::object& given) {
  if (PyTuple_Check(given.ptr()) && PyTuple_GET_SIZE(given.ptr()) == 2) {
    bp::dict one;
    one[given[0]] = given[1];
    core.set_property(properties_from(one));
    return;
  }
  core.set_property(properties_from(given));
}

void set_device_property(Core& core, const bp::object& device, const bp::object& given) {
  check_device(property_name(device));
  set_property(core, given);
}

void initialise(const bp::object& self, const bp::object& xml_config_file) {
  if (!is_path(xml_config_file.ptr()) || !path_from(xml_config_file.ptr()).empty()) {
    throw Unsupported("coinfer has no plugins to be listed in a file; its device is CPU");
  }
  install_pointer(self, boost::make_shared<Core>());
}

[[noreturn]] void no_plugins() { throw Unsupported("coinfer has no plugins; its device is CPU"); }
void register_plugin(const Core&, const bp::object&, const bp::object&, const bp::object&) {
  no_plugins();
}
void register_plugins(const Core&, const bp::object&) { no_plugins(); }
void unload_plugin(const Core&, const std::string& device) { check_device(device); }
void add_extension(const Core&, const bp::object& extensions) {
  if (PyList_Check(extensions.ptr()) && bp::len(extensions) == 0) {
    return;
  }
  throw Unsupported("extensions are not supported: operators are those of coinfer");
}
void create_context(const Core&, const std::string& device, const bp::object&) {
  check_device(device);
  throw Unsupported("the CPU has no remote contexts; it reads the process's memory");
}
void default_context(const Core& core, const std::string& device) {
  create_context(core, device, {});
}

int part_of_version(const Version& version, std::size_t part) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < part && at != std::string::npos; ++i) {
    at = version.build_number.find('.', at);
    at += at == std::string::npos ? 0 : 1;
  }
  return at == std::string::npos ? 0 : std::atoi(version.build_number.c_str() + at);
}

}  // namespace

void register_core() {
  const auto none = bp::object{};
  bp::class_<Version>("Version",
                      "The version of a device's implementation.\n\nThread safety: immutable.",
                      bp::no_init)
      .def_readonly("build_number", &Version::build_number, "The whole version, a text.")
      .def_readonly("description", &Version::description, "The name of what has the version.")
      .add_property(
          "major", +[](const Version& self) { return part_of_version(self, 0); },
          "The first number.")
      .add_property(
          "minor", +[](const Version& self) { return part_of_version(self, 1); },
          "The second number.")
      .add_property(
          "patch", +[](const Version& self) { return part_of_version(self, 2); },
          "The third number.")
      .def(
          "__repr__", +[](const Version& self) {
            return fmt::format("<Version: {} {}>", self.build_number, self.description);
          });

  bp::class_<Core, boost::shared_ptr<Core>, boost::noncopyable> type{
      "Core",
      "Reads and compiles models. `xml_config_file` has to be empty: coinfer has no plugins. "
      "Thread safety: a shared Core is safe to use.",
      bp::no_init};
  type.def("__init__", &initialise, (bp::arg("xml_config_file") = ""))
      .def("read_model", &read_model,
           (bp::arg("model"), bp::arg("weights") = none, bp::arg("config") = none),
           "Reads an ONNX model or an OpenVINO IR from a path, bytes, a BytesIO or an "
           "onnx.ModelProto; a file's\n"
           "weights stay memory-mapped. `weights`, of an IR: the path of its .bin (by default the "
           "one beside the\n"
           ".xml), or its bytes, a BytesIO or a Tensor when the model is bytes.\n"
           "Raises coinfer.ModelFileError for a missing or damaged file, coinfer.Unsupported for "
           "what coinfer does\n"
           "not implement, both naming what was wrong. `config` is not needed: reading has no "
           "properties.")
      .def("compile_model", &compile_model,
           (bp::arg("model"), bp::arg("device_name") = none, bp::arg("config") = none,
            bp::arg("weights") = none),
           "Makes `model`, a Model or what read_model takes with `weights`, ready to run. "
           "`device_name` is \"CPU\", \"AUTO\" or left out.\n`config` overrides this Core's "
           "properties; an unknown property, value or device is a RuntimeError that names it. "
           "Raises what\n`read_model` raises. Any number of threads may compile at once.")
      .def("import_model", &import_model,
           (bp::arg("model_stream"), bp::arg("device_name"), bp::arg("config") = none),
           "Makes what `CompiledModel.export_model` wrote ready to run. `model_stream`: bytes, a "
           "buffer, a BytesIO or an open binary\nfile; `device_name`: \"CPU\"; `config`: "
           "properties, as for `compile_model`. Raises coinfer.ModelFileError for what is "
           "damaged,\nis no exported model, or is one of another version; TypeError for what has "
           "no bytes.")
      .def("query_model", &query_model,
           (bp::arg("model"), bp::arg("device_name"), bp::arg("config") = none),
           "{name of a node: device} of all nodes of `model`, a Model, that `device_name` can run "
           "with `config`: every node, because what\ncoinfer does not implement was refused when "
           "the model was read. RuntimeError for another device or an unknown property.")
      .add_property("available_devices", &available_devices,
                    "The devices that models can be compiled for, a list of str: ['CPU'].")
      .def("get_available_devices", &available_devices, "The same as `available_devices`.")
      .def("get_versions", &versions, bp::arg("device_name"),
           "{device: Version} of the device `device_name`; RuntimeError when there is none.")
      .def("unload_plugin", &unload_plugin, bp::arg("device_name"),
           "Does nothing: memory is given back with the models. RuntimeError when there is no "
           "device `device_name`.")
      .def("register_plugin", &register_plugin,
           (bp::arg("plugin"), bp::arg("device_name"), bp::arg("config") = bp::dict{}),
           "Raises coinfer.Unsupported, whatever `plugin`, `device_name` and `config` are: there "
           "are no plugins.")
      .def("register_plugins", &register_plugins, bp::arg("xml_config_file"),
           "Raises coinfer.Unsupported, whatever `xml_config_file` says: there are no plugins.")
      .def("create_context", &create_context, (bp::arg("device_name"), bp::arg("properties")),
           "Raises coinfer.Unsupported, whatever `device_name` and `properties` are: the CPU has "
           "no remote contexts.")
      .def("get_default_context", &default_context, bp::arg("device_name"),
           "Raises coinfer.Unsupported, whatever `device_name` is: the CPU has no remote contexts.")
      .def("__repr__", +[](const Core&) { return std::string{"<Core: available plugins[CPU]>"}; });
  using bp::arg;
  def_named(type, "get_property", &get_property_with,
            (arg("device_name"), arg("name"), arg("arguments")));
  def_named(type, "get_property", &get_device_property, (arg("device_name"), arg("property")));
  def_named(type, "get_property",
            "The value of a `property`, also called `name`, that models are compiled with; "
            "RuntimeError for an unknown one, and for a\n`device_name` that is not \"CPU\". No "
            "property depends on `arguments`, a dict.",
            &get_property, arg("property"));
  def_named(type, "set_property", &set_device_property, (arg("device_name"), arg("property")),
            (arg("device_name"), arg("properties")));
  def_named(
      type, "set_property",
      "Sets what models are compiled with from now on: `properties`, a dict, or one `property`, "
      "(name, value), of the device `device_name`.\nRuntimeError naming an unknown property, a "
      "value that it cannot have, a read-only one, or another device than \"CPU\"; TypeError for "
      "a\nvalue of no such kind.",
      &set_property, arg("property"), arg("properties"));
  def_named(type, "add_extension",
            "Raises coinfer.Unsupported, whatever `library_path`, `extension`, `extensions` (but "
            "for an empty list) or `custom_op` is: operators\nare those of coinfer.",
            &add_extension, arg("custom_op"), arg("extensions"), arg("extension"),
            arg("library_path"));
}

}  // namespace coinfer::python
