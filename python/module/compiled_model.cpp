#include "module/compiled_model.hpp"

#include <sstream>

#include "coinfer/error.hpp"
#include "module/construct.hpp"
#include "module/cycles.hpp"
#include "module/exceptions.hpp"
#include "module/hot_method.hpp"
#include "module/infer_arguments.hpp"
#include "module/model.hpp"
#include "module/operator_names.hpp"
#include "module/overloads.hpp"
#include "module/properties.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

constexpr const char* call_doc =
    R"(__call__($self, /, inputs=None, share_inputs=True, share_outputs=False, *, decode_strings=True)
--

Runs the model on this thread, the GIL released, and returns an OVDict of its outputs.

inputs          None (run with what is set) | dict by name, index or port | list | tuple | one array,
                Tensor, scalar or string for a model with one input. A value is a Tensor, an ndarray,
                anything with __array__, the buffer protocol or DLPack, a scalar or a list; its shape
                has to suit the input's, other numeric types are cast silently to the input's.
share_inputs    read C-contiguous arrays of the input's element type where they are; they are kept alive
                until a later call gives others to the same request, or the model is gone
share_outputs   return views of the output memory, which the next inference changes, not copies
decode_strings  string outputs as arrays of kind U, else S

Raises TypeError for a value that is no number or string, RuntimeError naming the input for an unknown
name, a wrong shape or too many inputs, ValueError for lists whose parts differ in length. Thread safety: any number of threads may call at once; each
takes a request of an internal pool.)";

PyObject* call(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    auto& model = self_as<PyCompiledModel>(self);
    const auto given = InferArguments::parse("CompiledModel", args, count, keywords, true);
    const PooledRequest request{model};
    request->bind(given.inputs, given.share_inputs);
    request->infer();
    return request->results(given.share_outputs, given.decode_strings);
  });
}

/// `type(compiled).__call__` as a slot: Python's own way to a method descriptor makes a second
/// tuple.
PyObject* call_slot(PyObject* self, PyObject* args, PyObject* keywords) {
  if (keywords == nullptr || PyDict_GET_SIZE(keywords) == 0) {
    return call(self, reinterpret_cast<PyTupleObject*>(args)->ob_item, PyTuple_GET_SIZE(args),
                nullptr);
  }
  boost::container::small_vector<PyObject*, 8> values{
      reinterpret_cast<PyTupleObject*>(args)->ob_item,
      reinterpret_cast<PyTupleObject*>(args)->ob_item + PyTuple_GET_SIZE(args)};
  const auto names = bridge::PyRef::steal(PyTuple_New(PyDict_GET_SIZE(keywords)));
  if (!names) {
    return nullptr;
  }
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t i = 0;
  for (Py_ssize_t at = 0; PyDict_Next(keywords, &at, &key, &value) != 0;) {
    PyTuple_SET_ITEM(names.get(), i++, Py_NewRef(key));
    values.push_back(value);
  }
  return call(self, values.data(), PyTuple_GET_SIZE(args), names.get());
}

PyObject* infer_new_request(PyObject* self, PyObject* const* args, Py_ssize_t count,
                            PyObject* keywords) {
  return guarded([&] {
    static const Parameters<1> parameters{"CompiledModel.infer_new_request", 1, {"inputs"}};
    const auto given = parameters.parse(args, count, keywords);
    const auto request = self_as<PyCompiledModel>(self).create_request();
    request->bind(given[0], false);
    request->infer();
    return request->results(false, true);
  });
}

void refuse(const bp::object&) {
  throw_type_error("CompiledModel is made by Core.compile_model()");
}

void initialise(const bp::object& self, const bp::object& other, const bp::object& /*weights*/) {
  const bp::extract<const PyCompiledModel&> model{other};
  if (!model.check()) {
    throw_type_error(fmt::format("a CompiledModel is made of another one, not of {}",
                                 Py_TYPE(other.ptr())->tp_name));
  }
  install_pointer(self, boost::make_shared<PyCompiledModel>(model().shared_ports()));
}

bp::object request_of(const PyCompiledModel& self) {
  return bp::object{bp::handle<>(wrap_request(self.create_request()))};
}

bp::object inputs(const PyCompiledModel& self) {
  return bp::object{bp::handle<>(self.ports().input_ports())};
}
bp::object outputs(const PyCompiledModel& self) {
  return bp::object{bp::handle<>(self.ports().output_ports())};
}

bp::object only_input(const PyCompiledModel& self) {
  return bp::object{
      bp::handle<>(self.ports().input_port(find_port(self.model(), {}, false)->index))};
}
bp::object only_output(const PyCompiledModel& self) {
  return bp::object{
      bp::handle<>(self.ports().output_port(find_port(self.model(), {}, true)->index))};
}

bp::object input(const PyCompiledModel& self, const bp::object& key) {
  check_key(key, "CompiledModel.input");
  return bp::object{
      bp::handle<>(self.ports().input_port(find_port(self.model(), key, false)->index))};
}
bp::object output(const PyCompiledModel& self, const bp::object& key) {
  check_key(key, "CompiledModel.output");
  return bp::object{
      bp::handle<>(self.ports().output_port(find_port(self.model(), key, true)->index))};
}

bp::object get_property(const PyCompiledModel& self, const bp::object& property) {
  const auto name = property_name(property);
  const auto value = self.model().get_property(name);
  // These three come as texts, as OpenVINO has it.
  if (name == "PERFORMANCE_HINT" || name == "PERF_COUNT" ||
      name == "PERFORMANCE_HINT_NUM_REQUESTS") {
    return bp::object{property_text(value)};
  }
  return name == "SUPPORTED_PROPERTIES" ? supported_properties(value, false)
                                        : property_value(name, value);
}

/// Into a stream, or as a new BytesIO when that is None.
bp::object export_model(const PyCompiledModel& self, const bp::object& stream) {
  if (!stream.is_none() && PyObject_HasAttrString(stream.ptr(), "write") == 0) {
    throw_type_error(
        fmt::format("a model is exported to a stream (io.BytesIO, an open file), not to {}",
                    Py_TYPE(stream.ptr())->tp_name));
  }
  std::ostringstream out{std::ios::binary};
  {
    const bridge::GilReleased released;
    self.model().export_model(out);
  }
  const auto text = out.view();
  const bp::object bytes{
      bp::handle<>(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())))};
  if (stream.is_none()) {
    return bp::import("io").attr("BytesIO")(bytes);
  }
  stream.attr("write")(bytes);
  return {};
}

bp::object export_bytes(const PyCompiledModel& self) { return export_model(self, {}); }

/// Of a tensor in the order of its dimensions: "abcd".
std::string layout_name(const PartialShape& shape) {
  std::string letters;
  for (std::int64_t i = 0; shape.has_rank() && i < shape.rank(); ++i) {
    letters += static_cast<char>('a' + i % 26);
  }
  return letters.empty() ? "undef" : letters;
}

/// With notes on its nodes that OpenVINO's runtime models have too.
PyModel runtime_model(const PyCompiledModel& self) {
  const auto model = self.model().runtime_model();
  std::int64_t order = 0;
  for (const auto& node : nodes_of(model)) {
    const auto note = [&](const char* name, std::string text) {
      node.set_rt_info(name, RtInfo{Property{std::move(text)}, false, {}});
    };
    std::vector<std::string_view> types;
    std::vector<std::string> layouts;
    for (std::size_t i = 0; i < node.output_size(); ++i) {
      const auto port = node.output(i).port();
      types.push_back(name_of(port->type));
      layouts.push_back(layout_name(port->shape));
    }
    note("execOrder", std::to_string(order++));
    note("layerType", operator_name(node));
    note("originalLayersNames", node.friendly_name());
    note("outputLayouts", fmt::format("{}", fmt::join(layouts, ",")));
    note("outputPrecisions", fmt::format("{}", fmt::join(types, ",")));
    note("runtimePrecision", types.empty() ? std::string{} : std::string{types.front()});
  }
  return PyModel{model};
}

void release_memory(const PyCompiledModel& self) {
  const bridge::GilReleased released;
  self.model().release_memory();
}

/// Of the request that the next call takes.
bp::object query_state(PyCompiledModel& self) {
  const PooledRequest request{self};
  return request->states();
}

void reset_state(PyCompiledModel& self) {
  const PooledRequest request{self};
  request->reset_state();
}

void set_property(const PyCompiledModel&, const bp::object&) {
  throw Error("a compiled model's properties cannot be set; give them to compile_model");
}

bp::object equal(const PyCompiledModel& self, const bp::object& other) {
  const bp::extract<const PyCompiledModel&> that{other};
  return that.check() ? bp::object{self.model() == that().model()}
                      : bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}
std::intptr_t hash(const PyCompiledModel& self) {
  return reinterpret_cast<std::intptr_t>(self.model().impl().get()) >> 4;
}

std::string show(const PyCompiledModel& self) {
  return fmt::format("<CompiledModel:\n{}>",
                     show_ports(self.ports().inputs(), self.ports().outputs()));
}

}  // namespace

PyInferRequestRef PyCompiledModel::create_request() const {
  return std::make_shared<PyInferRequest>(model().create_infer_request(), ports_);
}

PyInferRequestRef PyCompiledModel::take_request() {
  if (idle_.empty()) {
    return create_request();
  }
  auto request = std::move(idle_.back());
  idle_.pop_back();
  return request;
}

void register_compiled_model() {
  bp::class_<PyCompiledModel, boost::shared_ptr<PyCompiledModel>, boost::noncopyable> type{
      "CompiledModel",
      "A model made ready to run: `results = compiled(inputs)`. `CompiledModel(other)` is the same "
      "model with a pool of requests of its own;\n`weights` are not needed: the model keeps what "
      "it reads. Thread safety: shared objects are safe to use.",
      bp::no_init};
  type.def("__init__", &refuse)
      .def("__init__", &initialise, (bp::arg("other"), bp::arg("weights") = bp::object{}))
      .def("create_infer_request", &request_of, "A new InferRequest, with tensors of its own.")
      .add_property("inputs", &inputs, "The input ports, a list.")
      .add_property("outputs", &outputs, "The output ports, a list.")
      .def("input", &only_input)
      .def("output", &only_output)
      .def("get_property", &get_property, bp::arg("property"),
           "The value in force of a `property`, e.g. \"NUM_STREAMS\"; RuntimeError for an unknown "
           "name, TypeError for no text.")
      .def("export_model", &export_bytes)
      .def("export_model", &export_model, bp::arg("model_stream"),
           "Writes the compiled model to `model_stream` (io.BytesIO or an open binary file), or "
           "returns a new BytesIO when there is none.\n`Core.import_model` of the same version "
           "reads it; no pass runs then. TypeError for what has no `write`; what `write` raises.")
      .def("get_runtime_model", &runtime_model,
           "A Model as it is computed: after all passes, before it is planned for shapes.")
      .def("release_memory", &release_memory,
           "Gives back the memory of intermediate results; the next inference takes it again. "
           "Weights stay. Safe at any time, from\nany thread: what inferences in flight use is not "
           "touched.")
      .def("query_state", &query_state,
           "What calls of this object keep for the variables of the model, a list of "
           "VariableState: those of the request that the\nnext call takes, which raise RequestBusy "
           "while it is in flight. Calls at the same time take different requests, each "
           "with\nvariables of its own.")
      .def("reset_state", &reset_state,
           "The next call reads the initial values of all variables. Of the request that it takes, "
           "which is none in flight: raises nothing.")
      .def("__eq__", &equal)
      .def("__hash__", &hash)
      .def("__repr__", &show);
  def_named(type, "input",
            "The input whose `tensor_name` or `index` is given; without one, the only input. "
            "RuntimeError when there is none.",
            &input, bp::arg("index"), bp::arg("tensor_name"));
  def_named(type, "output",
            "The output whose `tensor_name` or `index` is given; without one, the only output. "
            "RuntimeError when there is none.",
            &output, bp::arg("index"), bp::arg("tensor_name"));
  def_named(type, "set_property",
            "Raises RuntimeError whatever `properties` or `property` are: they are given to "
            "`Core.compile_model`.",
            &set_property, bp::arg("property"), bp::arg("properties"));
  Collected<PyCompiledModel>::install(type.ptr());
  add_hot_method(type.ptr(), "__call__", &call, call_doc);
  reinterpret_cast<PyTypeObject*>(type.ptr())->tp_call = &call_slot;
  add_hot_method(
      type.ptr(), "infer_new_request", &infer_new_request,
      "infer_new_request($self, /, inputs=None)\n--\n\n"
      "Runs the model on this thread with a request made for this call, and returns an "
      "OVDict of its outputs.\nThe `inputs` are as for a call of the model; they and the "
      "outputs are copied. Raises TypeError,\nRuntimeError and ValueError as that does. "
      "Any number of threads may call at once.");
}

}  // namespace coinfer::python
