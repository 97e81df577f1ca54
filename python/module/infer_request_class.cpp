#include "coinfer/error.hpp"
#include "coinfer/runtime.hpp"
#include "module/compiled_model.hpp"
#include "module/construct.hpp"
#include "module/cycles.hpp"
#include "module/exceptions.hpp"
#include "module/hot_method.hpp"
#include "module/infer_arguments.hpp"
#include "module/infer_request.hpp"
#include "module/node.hpp"
#include "module/operator_names.hpp"
#include "module/overloads.hpp"
#include "module/plain_values.hpp"
#include "module/tensor.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

constexpr const char* infer_doc =
    R"(infer($self, /, inputs=None, share_inputs=False, share_outputs=False, *, decode_strings=True)
--

Runs the model on this thread, the GIL released, and returns an OVDict of its outputs: a numpy array for each.

inputs          None (run with what is set) | dict by name, index or port | list | tuple | one array,
                Tensor, scalar or string for a model with one input. What is not given stays as set.
                A value is a Tensor, an ndarray, anything with __array__, the buffer protocol or
                DLPack, a scalar or a list; its shape has to suit the input's, other numeric types are
                cast silently to the input's.
share_inputs    read C-contiguous arrays of the input's element type where they are; else all values
                are copied to the request's own tensors
share_outputs   return views of the output memory, which the next inference changes, not copies
decode_strings  string outputs as arrays of kind U, else S

Raises TypeError for a value that is no number or string, RuntimeError naming the input for an unknown
name, a wrong shape or too many inputs, ValueError for lists whose parts differ in length, RequestBusy while an
inference is in flight, Cancelled when another thread's `cancel()` stopped it. Ctrl-C stops the inference.)";

PyObject* infer(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    const auto request = self_as<PyInferRequest>(self).shared_from_this();
    const auto given = InferArguments::parse("InferRequest.infer", args, count, keywords, false);
    request->bind(given.inputs, given.share_inputs);
    request->infer();
    return request->results(given.share_outputs, given.decode_strings);
  });
}

constexpr const char* start_async_doc =
    R"(start_async($self, /, inputs=None, userdata=None, share_inputs=False)
--

Starts an inference on another thread and returns at once; `wait()` or `await` the request for its end.
The `inputs` are as for `infer`. `userdata` is what the callback is called with, if not None; without a callback it is
dropped, with a RuntimeWarning. With `share_inputs` C-contiguous arrays of the input's element type are read where they
are; they are kept alive until the inference is over, and must not be changed before.

Raises RequestBusy when an inference of this request is in flight, and for inputs TypeError, RuntimeError and ValueError
as `infer` does; what the inference fails with is raised where it is waited for.)";

PyObject* start_async(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    const auto request = self_as<PyInferRequest>(self).shared_from_this();
    const auto given = StartArguments::parse("InferRequest.start_async", args, count, keywords);
    request->bind(given.inputs, given.share_inputs);
    auto userdata = request->userdata;
    if (given.userdata != nullptr && given.userdata != Py_None) {
      if (request->has_callback()) {
        userdata = PyRef::borrow(given.userdata);
      } else if (PyErr_WarnEx(PyExc_RuntimeWarning,
                              "userdata is for a callback, and the request has none", 1) < 0) {
        throw bridge::PythonError{};
      }
    }
    request->start_with(userdata.get(), {});
    return Py_NewRef(Py_None);
  });
}

PyObject* wait(PyObject* self, PyObject* const* /*args*/, Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    check_no_arguments("InferRequest.wait", count, keywords);
    const auto request = self_as<PyInferRequest>(self).shared_from_this();
    request->wait(std::nullopt);
    return Py_NewRef(Py_None);
  });
}

bool wait_for(PyInferRequest& self, const bp::object& milliseconds) {
  if (!PyIndex_Check(milliseconds.ptr())) {
    throw_type_error(fmt::format("wait_for() takes whole milliseconds, not {}",
                                 Py_TYPE(milliseconds.ptr())->tp_name));
  }
  const auto timeout = PyNumber_AsSsize_t(milliseconds.ptr(), PyExc_OverflowError);
  if (timeout == -1 && PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  const auto alive = self.shared_from_this();
  if (!self.request().current()) {
    return false;
  }
  // What is longer than the clock can tell is for ever.
  constexpr std::chrono::milliseconds longest = std::chrono::hours{1'000'000};
  return self.wait(std::clamp(std::chrono::milliseconds{timeout}, -longest, longest));
}

void cancel(PyInferRequest& self) {
  check_not_forked();
  const auto alive = self.shared_from_this();
  const bridge::GilReleased released;
  self.request().cancel();
}

void set_callback(PyInferRequest& self, const bp::object& callback, const bp::object& userdata) {
  if (PyCallable_Check(callback.ptr()) == 0) {
    throw_type_error(
        fmt::format("a callback is callable; {} is not", Py_TYPE(callback.ptr())->tp_name));
  }
  self.set_callback(callback.ptr(), false);
  self.userdata = PyRef::borrow(userdata.ptr());
}

bp::object userdata(const PyInferRequest& self) {
  if (self.of_queue) {  // it belongs to the callback of the queue
    return {};
  }
  return self.userdata ? bp::object{bp::handle<>(bp::borrowed(self.userdata.get()))} : bp::object{};
}

bp::object results(PyInferRequest& self) {
  self.check_idle();
  return bp::object{bp::handle<>(self.results(false, true))};
}

/// Milliseconds of the last run, 0 before the first.
double latency(PyInferRequest& self) {
  const auto operation = self.request().current();
  if (!operation) {
    return 0;
  }
  const auto stamps = operation->stamps();
  return std::max(
      0.0, std::chrono::duration<double, std::milli>(stamps.finished - stamps.started).count());
}

// --- tensors

Tensor tensor_at(PyInferRequest& self, FoundPort port) {
  return port.is_output ? self.request().output_tensor(port.index)
                        : self.request().input_tensor(port.index);
}

void set_at(PyInferRequest& self, FoundPort port, PyObject* value) {
  const auto* tensor = tensor_in(value);
  if (tensor == nullptr) {
    const auto& ports = port.is_output ? self.ports().outputs() : self.ports().inputs();
    throw_type_error(fmt::format(
        "{} takes a Tensor; {} was given",
        port.index < ports.size() ? describe_port(*ports[port.index]) : std::string{"a port"},
        Py_TYPE(value)->tp_name));
  }
  self.check_idle();
  if (port.is_output) {
    self.request().set_output_tensor(port.index, *tensor);
    return;
  }
  self.request().set_input_tensor(port.index, *tensor);
  self.taken[port.index] = Taken::tensor;
}

/// The index given, or 0 of a model with one such port when it is None.
FoundPort port_of(const PortTable& ports, const bp::object& index, bool output) {
  if (!index.is_none()) {
    return {output, port_index(index.ptr(), output)};
  }
  check_single(output ? ports.outputs() : ports.inputs(), output);
  return {output, 0};
}

Tensor get_tensor(PyInferRequest& self, const bp::object& key) {
  return tensor_at(self, find_port(self.ports(), key.ptr()));
}
void set_tensor(PyInferRequest& self, const bp::object& key, const bp::object& tensor) {
  set_at(self, find_port(self.ports(), key.ptr()), tensor.ptr());
}

template <bool output>
Tensor get_indexed(PyInferRequest& self, const bp::object& index) {
  return tensor_at(self, {output, port_index(index.ptr(), output)});
}
template <bool output>
Tensor get_only(PyInferRequest& self) {
  return tensor_at(self, port_of(self.ports(), {}, output));
}

template <bool output>
void set_indexed(PyInferRequest& self, const bp::object& index, const bp::object& tensor) {
  const auto port = port_of(self.ports(), index, output);
  const auto& list = output ? self.ports().outputs() : self.ports().inputs();
  if (port.index >= list.size()) {
    throw Error(fmt::format("the model has no {} {}; it has {}", output ? "output" : "input",
                            port.index, list.size()));
  }
  set_at(self, port, tensor.ptr());
}
template <bool output>
void set_only(PyInferRequest& self, const bp::object& tensor) {
  set_at(self, port_of(self.ports(), {}, output), tensor.ptr());
}

/// The tensor of one input of a batch: OpenVINO takes several, which it joins; here it is one.
void set_batch(PyInferRequest& self, FoundPort port, const bp::object& tensors) {
  if (port.is_output) {
    throw Error(fmt::format("{} is no input", describe_port(*self.ports().outputs()[port.index])));
  }
  const auto& ports = self.ports().inputs();
  if (port.index >= ports.size()) {
    throw Error(fmt::format("the model has no input {}; it has {}", port.index, ports.size()));
  }
  const auto& input = *ports[port.index];
  if (!PyList_Check(tensors.ptr())) {
    throw_type_error(fmt::format("{} takes a list with a Tensor; {} was given",
                                 describe_port(input), Py_TYPE(tensors.ptr())->tp_name));
  }
  if (bp::len(tensors) != 1) {
    throw Error(
        fmt::format("{} takes a list with one Tensor, {} were given: batches are not put "
                    "together, see coinfer.Batcher",
                    describe_port(input), bp::len(tensors)));
  }
  const bp::object only{tensors[0]};
  if (tensor_in(only.ptr()) == nullptr) {
    throw Error(fmt::format("{} takes a list with a Tensor; it has {}", describe_port(input),
                            Py_TYPE(only.ptr())->tp_name));
  }
  set_at(self, port, only.ptr());
}

/// set_input_tensors(tensors) of a model with one input.
void set_only_batch(PyInferRequest& self, const bp::object& tensors) {
  set_batch(self, port_of(self.ports(), {}, false), tensors);
}
void set_indexed_batch(PyInferRequest& self, const bp::object& index, const bp::object& tensors) {
  set_batch(self, {false, port_index(index.ptr(), false)}, tensors);
}
void set_named_batch(PyInferRequest& self, const bp::object& key, const bp::object& tensors) {
  set_batch(self, find_port(self.ports(), key.ptr()), tensors);
}

const char* kind_of(PyObject* object) { return Py_TYPE(object)->tp_name; }

bp::list items_of(const bp::object& tensors, const char* method) {
  if (!PyDict_Check(tensors.ptr())) {
    throw_type_error(
        fmt::format("{}() takes a dict of Tensors, not {}", method, kind_of(tensors.ptr())));
  }
  return bp::dict{tensors}.items();
}

/// In a dict a negative index is no TypeError, as in OpenVINO.
void check_counted(const bp::object& index, bool output) {
  if (integer_from(index.ptr(), "an index") < 0) {
    throw Error(fmt::format("there is no {0} {1}; {0}s are counted from 0",
                            output ? "output" : "input", integer_from(index.ptr(), "an index")));
  }
}

/// A dict by index.
template <bool output>
void set_many(PyInferRequest& self, const bp::object& tensors) {
  if (!output && PyList_Check(tensors.ptr())) {
    set_only_batch(self, tensors);
    return;
  }
  const auto items = items_of(tensors, output ? "set_output_tensors" : "set_input_tensors");
  for (bp::ssize_t i = 0; i < bp::len(items); ++i) {
    const bp::object key{items[i][0]};
    if (!PyLong_Check(key.ptr())) {
      throw_type_error(
          fmt::format("{0}s are numbered here; an {0} is not called by {1}: see "
                      "set_tensors",
                      output ? "output" : "input", kind_of(key.ptr())));
    }
    check_counted(key, output);
    set_indexed<output>(self, key, bp::object{items[i][1]});
  }
}

/// Inputs and outputs by name, port or input index.
void set_tensors(PyInferRequest& self, const bp::object& tensors) {
  const auto items = items_of(tensors, "set_tensors");
  for (bp::ssize_t i = 0; i < bp::len(items); ++i) {
    const bp::object key{items[i][0]};
    const bp::object value{items[i][1]};
    if (PyLong_Check(key.ptr()) == 0) {
      if (output_in(key.ptr()) != nullptr) {
        throw Error(fmt::format("{} is a Model's; set_tensors() takes the CompiledModel's",
                                describe_port(**port_in(key.ptr()))));
      }
      set_at(self, find_port(self.ports(), key.ptr()), value.ptr());
      continue;
    }
    check_counted(key, false);
    set_indexed<false>(self, key, value);
  }
}

template <bool output>
bp::list all_tensors(PyInferRequest& self) {
  bp::list tensors;
  const auto count = (output ? self.ports().outputs() : self.ports().inputs()).size();
  for (std::size_t i = 0; i < count; ++i) {
    tensors.append(tensor_at(self, {output, i}));
  }
  return tensors;
}

bp::object model_inputs(const PyInferRequest& self) {
  return bp::object{bp::handle<>(self.ports().input_ports())};
}
bp::object model_outputs(const PyInferRequest& self) {
  return bp::object{bp::handle<>(self.ports().output_ports())};
}

boost::shared_ptr<PyCompiledModel> compiled_model(const PyInferRequest& self) {
  return boost::make_shared<PyCompiledModel>(self.shared_ports());
}

bp::list profiling_info(PyInferRequest& self) {
  self.check_idle();
  const auto make = bp::import("coinfer.profiling_info").attr("ProfilingInfo");
  bp::list entries;
  for (const auto& info : self.request().profiling_info()) {
    const auto microseconds = [](std::chrono::nanoseconds time) {
      return std::chrono::duration<double, std::micro>(time).count();
    };
    entries.append(make.attr("_of")(static_cast<int>(info.status), info.node_name,
                                    operator_names(info.node_type), info.exec_type,
                                    microseconds(info.real_time), microseconds(info.cpu_time)));
  }
  return entries;
}

bp::object equal(const PyInferRequest& self, const bp::object& other) {
  const bp::extract<const PyInferRequest&> that{other};
  return that.check() ? bp::object{&self == &that()}
                      : bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
}
std::intptr_t hash(const PyInferRequest& self) {
  return reinterpret_cast<std::intptr_t>(&self) >> 4;
}

std::string show(const PyInferRequest& self) {
  return fmt::format("<InferRequest:\n{}>",
                     show_ports(self.ports().inputs(), self.ports().outputs()));
}

bp::dict zero_copy_report(const PyInferRequest& self) {
  bp::dict report;
  for (std::size_t i = 0; i < self.taken.size(); ++i) {
    const auto& port = *self.ports().inputs()[i];
    const auto key = port.names.empty() ? bp::object{i} : bp::object{bp::str(port.names.front())};
    report[key] = describe_taken(self.taken[i]);
  }
  return report;
}

using RequestClass = bp::class_<PyInferRequest, PyInferRequestRef, boost::noncopyable>;

/// The methods that give and take tensors.
void register_tensors(RequestClass& type) {
  using bp::arg;
  def_named(type, "get_tensor",
            "The Tensor of the input or output that has the tensor name `name`, or is `port`: of "
            "the port's element type, and shape as set or\nlast computed. RuntimeError when there "
            "is none, RequestBusy while an inference is in flight.",
            &get_tensor, arg("port"), arg("name"));
  def_named(type, "set_tensor",
            "Reads or writes `tensor`, a Tensor, from now on, zero-copy, as the input or output "
            "that has the tensor name `name`, or is `port`.\nRuntimeError naming it for a wrong "
            "element type or shape, or when there is none; TypeError for no Tensor; RequestBusy "
            "while an\ninference is in flight.",
            &set_tensor, (arg("port"), arg("tensor")), (arg("name"), arg("tensor")));
  type.def("get_input_tensor", &get_only<false>)
      .def("get_input_tensor", &get_indexed<false>, arg("index"),
           "The Tensor of input `index`, or of the only one. Writing to its `data` sets the input. "
           "RuntimeError when there is none, or\nseveral and no `index`; RequestBusy while an "
           "inference is in flight.")
      .def("get_output_tensor", &get_only<true>)
      .def("get_output_tensor", &get_indexed<true>, arg("index"),
           "The Tensor of output `index`, or of the only one. It keeps its identity from run to "
           "run; when it grows, views of the old\nmemory stay valid. RuntimeError when there is "
           "none, or several and no `index`; RequestBusy while an inference is in flight.")
      .def("set_input_tensor", &set_only<false>, arg("tensor"))
      .def("set_input_tensor", &set_indexed<false>, (arg("index"), arg("tensor")),
           "set_input_tensor(index, tensor), or set_input_tensor(tensor) of a model with one "
           "input: read from that `tensor`, zero-copy,\nfrom now on. RuntimeError naming the input "
           "for a wrong element type or shape, or when there is none at `index`; TypeError\nfor no "
           "Tensor; RequestBusy while an inference is in flight.")
      .def("set_output_tensor", &set_only<true>, arg("tensor"))
      .def("set_output_tensor", &set_indexed<true>, (arg("index"), arg("tensor")),
           "set_output_tensor(index, tensor), or set_output_tensor(tensor) of a model with one "
           "output: write to that `tensor` from now\non; where the output is dynamic its shape "
           "follows. RuntimeError naming the output for a wrong element type or shape, or\nwhen "
           "there is none at `index`; TypeError for no Tensor; RequestBusy while an inference is "
           "in flight.")
      .def("set_output_tensors", &set_many<true>, arg("outputs"),
           "Sets many outputs at once: `outputs` is a dict of Tensors by index. RuntimeError "
           "naming the output for a wrong element type or\nshape or an unknown index, TypeError "
           "for another key or no Tensor, RequestBusy while an inference is in flight; those "
           "before\nthe wrong one are set.");
  def_named(type, "set_input_tensors", &set_indexed_batch, (arg("idx"), arg("tensors")));
  def_named(
      type, "set_input_tensors",
      "Sets many inputs at once: `inputs` is a dict of Tensors by index. `tensors`, for the "
      "only input or input `idx`, is a list of the one\nTensor. RuntimeError naming the input "
      "for a wrong element type or shape, an unknown index or another list, TypeError for "
      "another\nkey, no Tensor or no list, RequestBusy while an inference is in flight; those "
      "before the wrong one are set.",
      &set_many<false>, arg("tensors"), arg("inputs"));
  def_named(type, "set_tensors", &set_named_batch, (arg("port"), arg("tensors")),
            (arg("tensor_name"), arg("tensors")));
  def_named(type, "set_tensors",
            "Sets many at once: `inputs` is a dict of Tensors by name, port or input index. "
            "`tensors`, for the input `tensor_name` or\n`port`, is a list of the one Tensor. "
            "RuntimeError naming the input or output for a wrong element type or shape, an unknown "
            "key\nor another list, TypeError for no Tensor or no list, RequestBusy while an "
            "inference is in flight; those before the wrong one\nare set.",
            &set_tensors, arg("inputs"));
}

}  // namespace

PyObject* wrap_request(const PyInferRequestRef& request) {
  try {
    return bp::incref(bp::object{request}.ptr());
  } catch (const bp::error_already_set&) {
    return nullptr;
  }
}

void register_infer_request() {
  bp::class_<PyInferRequest, PyInferRequestRef, boost::noncopyable> type{
      "InferRequest",
      "The inputs, outputs and at most one inference in flight of a compiled model.\n\n"
      "Thread safety: `wait`, `wait_for`, `cancel`, `latency` and `userdata` are safe at any time; "
      "all others raise\n"
      "RequestBusy while an inference is in flight, and must not be called concurrently with each "
      "other.",
      bp::no_init};
  refuse_construction(type, "InferRequest is made by CompiledModel.create_infer_request()");
  type.def("wait_for", &wait_for, bp::arg("timeout"),
           "Waits at most `timeout` milliseconds, an int; True when the inference is over, False "
           "also when none was started. Raises\nlike `wait`; TypeError for another `timeout`. Any "
           "number of threads may wait.")
      .def("cancel", &cancel,
           "Stops the inference in flight, at its next step or before it begins: who waits for it "
           "gets coinfer.Cancelled. Does nothing\nand raises nothing when idle. Safe at any time, "
           "from any thread.")
      .def("set_callback", &set_callback, (bp::arg("callback"), bp::arg("userdata")),
           "Calls `callback(userdata)` after each started inference that finished, on the "
           "callbacks' thread, before waiters are told.\nWhat it raises, the first `wait` raises. "
           "It may start the request again. It runs in an empty `contextvars` context:\nvariables "
           "that are set where it was given, or where the inference was started, have their "
           "defaults. TypeError for what is\nnot callable; RequestBusy while an inference is in "
           "flight.")
      .add_property("userdata", &userdata,
                    "What the callback is called with; None when there is none, or when it is a "
                    "queue's request. Safe at any time.")
      .add_property("results", &results,
                    "A copy of all outputs, an OVDict: for each an array of the output's shape and "
                    "element type, strings of kind U. RequestBusy while an inference is in flight.")
      .add_property("latency", &latency,
                    "Milliseconds that the last inference took, a float; 0 before the first, the "
                    "last one's while one is in flight. Safe at any time.")
      .add_property(
          "input_tensors", &all_tensors<false>,
          "The Tensors of all inputs, a list. RequestBusy while an inference is in flight.")
      .add_property(
          "output_tensors", &all_tensors<true>,
          "The Tensors of all outputs, a list. RequestBusy while an inference is in flight.")
      .add_property("inputs", &all_tensors<false>, "The same as `input_tensors`.")
      .add_property("outputs", &all_tensors<true>, "The same as `output_tensors`.")
      .add_property("model_inputs", &model_inputs,
                    "The input ports of the model, a list of ConstOutput.")
      .add_property("model_outputs", &model_outputs,
                    "The output ports of the model, a list of ConstOutput.")
      .def("get_compiled_model", &compiled_model, "The CompiledModel that made this request.")
      .add_property("profiling_info", &profiling_info,
                    "What each node took in the last inference: a list of ProfilingInfo, in the "
                    "order of execution. Times are\nthere when the model was compiled with "
                    "PERF_COUNT, which else costs nothing. RequestBusy while an inference\nis in "
                    "flight.")
      .def("get_profiling_info", &profiling_info, "The same as `profiling_info`.")
      .def("query_state", &PyInferRequest::states,
           "The variables that the model keeps between inferences: a list of VariableState. "
           "RequestBusy while an inference\nis in flight.")
      .def("reset_state", &PyInferRequest::reset_state,
           "The next inference reads the initial values of all variables. RequestBusy while an "
           "inference is in flight.")
      .def("__eq__", &equal)
      .def("__hash__", &hash)
      .def("__repr__", &show);
  register_tensors(type);
  Collected<PyInferRequest>::install(type.ptr());
  add_hot_method(type.ptr(), "infer", &infer, infer_doc);
  add_hot_method(type.ptr(), "start_async", &start_async, start_async_doc);
  add_hot_method(type.ptr(), "wait", &wait,
                 "wait($self, /)\n--\n\n"
                 "Blocks until the inference in flight and its callback are over; at once when "
                 "idle. Raises what it\n"
                 "failed with: RuntimeError naming a node, Cancelled after `cancel()`, and, to the "
                 "first who waits, what\nthe callback raised. Ctrl-C interrupts the wait, not the "
                 "inference. Any number of threads may wait.");
  bp::def("zero_copy_report", &zero_copy_report, bp::arg("request"),
          "What became of each input that `request` was given last, and why: {name: text}, "
          "\"shared: …\" or \"copied: …\".");
}

}  // namespace coinfer::python
