#include "module/preprocess.hpp"

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "coinfer/preprocess.hpp"
#include "module/array.hpp"
#include "module/construct.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/layout.hpp"
#include "module/model.hpp"
#include "module/overloads.hpp"
#include "module/plain_values.hpp"
#include "module/port.hpp"
#include "module/shape.hpp"
#include "module/tensor.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using namespace preprocess;
using bridge::PyRef;

/// What is collected, and the Python Model that it is for.
struct Processor {
  PrePostProcessor native;
  bp::object model;
};
using ProcessorRef = boost::shared_ptr<Processor>;

// Parts of it, which keep it alive.
struct PyInput {
  ProcessorRef processor;
  InputInfo* info;
};
struct PyInputTensor : PyInput {};
struct PyPreSteps : PyInput {};
struct PyInputModel : PyInput {};
struct PyOutput {
  ProcessorRef processor;
  OutputInfo* info;
};
struct PyOutputTensor : PyOutput {};
struct PyPostSteps : PyOutput {};
struct PyOutputModel : PyOutput {};

template <class Part, class Whole>
Part part(const Whole& whole) {
  return Part{{whole.processor, whole.info}};
}

void initialise(const bp::object& self, const bp::object& model) {
  const bp::extract<const PyModel&> given{model};
  if (!given.check()) {
    throw_type_error(
        fmt::format("PrePostProcessor takes a Model, not {}", Py_TYPE(model.ptr())->tp_name));
  }
  install_pointer(self,
                  boost::make_shared<Processor>(Processor{PrePostProcessor{given().get()}, model}));
}

std::string description(const Processor& self) { return self.native.describe(); }

std::string representation(const Processor& self) {
  return fmt::format("<PrePostProcessor: {}>", self.native.describe());
}

PyInput only_input(const ProcessorRef& self) { return {self, &self->native.input()}; }
PyOutput only_output(const ProcessorRef& self) { return {self, &self->native.output()}; }

PyInput input_of(const ProcessorRef& self, const bp::object& key) {
  if (PyUnicode_Check(key.ptr())) {
    const std::string name = bp::extract<std::string>(key);
    return {self, &self->native.input(std::string_view{name})};
  }
  return {self, &self->native.input(port_index(key.ptr(), false))};
}

PyOutput output_of(const ProcessorRef& self, const bp::object& key) {
  if (PyUnicode_Check(key.ptr())) {
    const std::string name = bp::extract<std::string>(key);
    return {self, &self->native.output(std::string_view{name})};
  }
  return {self, &self->native.output(port_index(key.ptr(), true))};
}

bp::object build(const ProcessorRef& self) {
  // The Model may have been closed since.
  bp::extract<PyModel&>{self->model}().get();
  {
    const bridge::GilReleased released;
    self->native.build();
  }
  return self->model;
}

// --- arguments

template <class Enum>
Enum choice(const bp::object& value, const char* kind) {
  const bp::object type = bp::import("coinfer.preprocess").attr(kind);
  if (PyObject_IsInstance(value.ptr(), type.ptr()) != 1) {
    PyErr_Clear();
    throw_type_error(fmt::format("a {} was expected, not {}", kind, Py_TYPE(value.ptr())->tp_name));
  }
  return static_cast<Enum>(bp::extract<int>(value.attr("value"))());
}

ColorFormat color(const bp::object& value) { return choice<ColorFormat>(value, "ColorFormat"); }

std::optional<ElementType> optional_type(const bp::object& type) {
  return type.is_none() ? std::nullopt : std::optional{element_type_from(type.ptr())};
}

template <class T>
std::vector<T> numbers(const bp::object& values, const char* what) {
  if (PyUnicode_Check(values.ptr()) || PySequence_Check(values.ptr()) == 0) {
    throw_type_error(fmt::format("{} takes a sequence of numbers, not {}", what,
                                 Py_TYPE(values.ptr())->tp_name));
  }
  std::vector<T> all;
  for (bp::stl_input_iterator<bp::object> item{values}, end; item != end; ++item) {
    const auto* object = (*item).ptr();
    if constexpr (std::is_integral_v<T>) {
      const auto number = PyRef::steal(checked(PyNumber_Index(const_cast<PyObject*>(object))));
      all.push_back(PyLong_AsLongLong(number.get()));
    } else {
      all.push_back(static_cast<T>(PyFloat_AsDouble(const_cast<PyObject*>(object))));
    }
    if (PyErr_Occurred() != nullptr) {
      throw bridge::PythonError{};
    }
  }
  return all;
}

/// One number, or one a channel.
std::vector<float> values_of(const bp::object& given, const char* what) {
  if (PySequence_Check(given.ptr()) != 0) {
    return numbers<float>(given, what);
  }
  const auto value = PyFloat_AsDouble(given.ptr());
  if (PyErr_Occurred() != nullptr) {
    throw bridge::PythonError{};
  }
  return {static_cast<float>(value)};
}

bool is_order(const bp::object& layout) {
  return !PyUnicode_Check(layout.ptr()) && PySequence_Check(layout.ptr()) != 0;
}

// --- the caller's tensor; each returns what it was called on

bp::object set_element_type(const bp::object& self, const bp::object& type) {
  bp::extract<PyInputTensor&>{self}().info->tensor.element_type = element_type_from(type.ptr());
  return self;
}
bp::object set_layout(const bp::object& self, const bp::object& layout) {
  bp::extract<PyInputTensor&>{self}().info->tensor.layout = layout_from(layout.ptr());
  return self;
}
bp::object set_shape(const bp::object& self, const bp::object& shape) {
  bp::extract<PyInputTensor&>{self}().info->tensor.shape = partial_shape_from(shape.ptr());
  return self;
}
bp::object set_color_format(const bp::object& self, const bp::object& format,
                            const bp::object& sub_names) {
  if (PyUnicode_Check(sub_names.ptr())) {
    throw_type_error("sub_names is a list of str, not a str");
  }
  auto names = texts_from(sub_names, "a name");
  bp::extract<PyInputTensor&>{self}().info->tensor.set_color(color(format), std::move(names));
  return self;
}
bp::object set_spatial_static(const bp::object& self, std::int64_t height, std::int64_t width) {
  if (height <= 0 || width <= 0) {
    throw Error(fmt::format("an image of {} rows and {} columns", height, width));
  }
  bp::extract<PyInputTensor&>{self}().info->tensor.spatial_shape = {height, width};
  return self;
}
bp::object set_spatial_dynamic(const bp::object& self) {
  bp::extract<PyInputTensor&>{self}().info->tensor.spatial_shape = {-1, -1};
  return self;
}
bp::object set_memory_type(const bp::object&, const std::string& type) {
  throw Unsupported(fmt::format(
      "the memory type '{}' is not supported: the CPU reads the process's memory", type));
}
bp::object set_from(const bp::object& self, const bp::object& value) {
  auto& tensor = bp::extract<PyInputTensor&>{self}().info->tensor;
  if (const auto* given = tensor_in(value.ptr())) {
    tensor.element_type = given->type();
    tensor.shape = PartialShape{given->shape()};
    return self;
  }
  const auto array = PyRef::steal(array_from(value.ptr()));
  const auto copy = copy_array(array.get());
  tensor.element_type = copy.type();
  tensor.shape = PartialShape{copy.shape()};
  return self;
}

// --- steps

bp::object convert_element_type(const bp::object& self, const bp::object& type) {
  bp::extract<PyPreSteps&>{self}().info->preprocess.convert_element_type(optional_type(type));
  return self;
}
bp::object convert_layout(const bp::object& self, const bp::object& layout) {
  auto& steps = bp::extract<PyPreSteps&>{self}().info->preprocess;
  if (is_order(layout)) {
    steps.convert_layout(numbers<std::int64_t>(layout, "convert_layout"));
  } else {
    steps.convert_layout(layout_from(layout.ptr()));
  }
  return self;
}
bp::object convert_color_to(const bp::object& self, const bp::object& format) {
  bp::extract<PyPreSteps&>{self}().info->preprocess.convert_color(color(format));
  return self;
}
bp::object resize_by(const bp::object& self, const bp::object& algorithm,
                     std::optional<std::pair<std::int64_t, std::int64_t>> size) {
  bp::extract<PyPreSteps&>{self}().info->preprocess.resize(
      choice<ResizeAlgorithm>(algorithm, "ResizeAlgorithm"), size);
  return self;
}
bp::object resize_to_model(const bp::object& self, const bp::object& algorithm) {
  return resize_by(self, algorithm, std::nullopt);
}
bp::object resize(const bp::object& self, const bp::object& algorithm, const bp::object& height,
                  const bp::object& width) {
  return resize_by(
      self, algorithm,
      std::pair{integer_from(height.ptr(), "a height"), integer_from(width.ptr(), "a width")});
}
bp::object mean(const bp::object& self, const bp::object& value) {
  bp::extract<PyPreSteps&>{self}().info->preprocess.mean(values_of(value, "mean"));
  return self;
}
bp::object scale(const bp::object& self, const bp::object& value) {
  bp::extract<PyPreSteps&>{self}().info->preprocess.scale(values_of(value, "scale"));
  return self;
}
bp::object pad(const bp::object& self, const bp::object& begin, const bp::object& end,
               const bp::object& value, const bp::object& mode) {
  const auto values = values_of(value, "pad");
  if (values.size() != 1) {
    throw Unsupported(fmt::format("pad: one value is supported, {} were given", values.size()));
  }
  bp::extract<PyPreSteps&>{self}().info->preprocess.pad(
      numbers<std::int64_t>(begin, "pad"), numbers<std::int64_t>(end, "pad"), values[0],
      choice<PaddingMode>(mode, "PaddingMode"));
  return self;
}
bp::object crop(const bp::object& self, const bp::object& begin, const bp::object& end) {
  bp::extract<PyPreSteps&>{self}().info->preprocess.crop(numbers<std::int64_t>(begin, "crop"),
                                                         numbers<std::int64_t>(end, "crop"));
  return self;
}
bp::object reverse_channels(const bp::object& self) {
  bp::extract<PyPreSteps&>{self}().info->preprocess.reverse_channels();
  return self;
}
bp::object custom(const bp::object&, const bp::object&) {
  throw Unsupported("custom steps are not supported: models are not built of Python's operators");
}

bp::object set_model_layout(const bp::object& self, const bp::object& layout) {
  bp::extract<PyInputModel&>{self}().info->model_layout = layout_from(layout.ptr());
  return self;
}

// --- outputs

bp::object set_output_type(const bp::object& self, const bp::object& type) {
  bp::extract<PyOutputTensor&>{self}().info->element_type = element_type_from(type.ptr());
  return self;
}
bp::object set_output_layout(const bp::object& self, const bp::object& layout) {
  bp::extract<PyOutputTensor&>{self}().info->layout = layout_from(layout.ptr());
  return self;
}
bp::object set_output_model_layout(const bp::object& self, const bp::object& layout) {
  bp::extract<PyOutputModel&>{self}().info->model_layout = layout_from(layout.ptr());
  return self;
}
bp::object convert_output_type(const bp::object& self, const bp::object& type) {
  bp::extract<PyPostSteps&>{self}().info->postprocess.convert_element_type(optional_type(type));
  return self;
}
bp::object convert_output_layout(const bp::object& self, const bp::object& layout) {
  auto& steps = bp::extract<PyPostSteps&>{self}().info->postprocess;
  if (is_order(layout)) {
    steps.convert_layout(numbers<std::int64_t>(layout, "convert_layout"));
  } else {
    steps.convert_layout(layout_from(layout.ptr()));
  }
  return self;
}

constexpr const char* convert_layout_doc =
    "To `dst_layout`, a Layout or its text, or an order of dimensions `dims`: [0, 3, 1, 2]. "
    "RuntimeError for a text that is none, and by\n`build` when the layouts or the order do not "
    "suit.";
constexpr const char* layout_doc =
    "What its dimensions mean: `layout` is a Layout or a text; RuntimeError for a text that is "
    "none.";

void register_input_classes() {
  const auto none = bp::object{};
  bp::class_<PyInputTensor>("_InputTensorInfo",
                            "What the caller's tensor is like; what is not said is as the model "
                            "wants it. Each method returns the object itself.\n\nThread safety: as "
                            "for the PrePostProcessor.",
                            bp::no_init)
      .def("set_element_type", &set_element_type, bp::arg("type"),
           "The `type` of its elements, a coinfer.Type or dtype; TypeError for another. What "
           "cannot be converted, `build` raises as a\nRuntimeError.")
      .def("set_layout", &set_layout, bp::arg("layout"), layout_doc)
      .def("set_shape", &set_shape, bp::arg("shape"),
           "Its `shape`: a PartialShape, Shape, list, tuple or text; TypeError for another, "
           "RuntimeError for a text that is none.")
      .def("set_color_format", &set_color_format,
           (bp::arg("format"), bp::arg("sub_names") = bp::list{}),
           "The `format` of an image, a ColorFormat. NV12_TWO_PLANES and I420_THREE_PLANES make an "
           "input for each plane, NHWC, with\neven height and width: Y [N,H,W,1], then UV "
           "[N,H/2,W/2,2] or U and V [N,H/2,W/2,1], without names or, with `sub_names`,\nnamed "
           "\"<the input's>/<sub name>\". RuntimeError for another number of names, TypeError for "
           "no ColorFormat.")
      .def("set_spatial_static_shape", &set_spatial_static, (bp::arg("height"), bp::arg("width")),
           "The image's `height` and `width` in pixels, RuntimeError when not positive. The "
           "layouts must say where they are, else `build`\nraises.")
      .def("set_spatial_dynamic_shape", &set_spatial_dynamic, "Any height and width.")
      .def("set_memory_type", &set_memory_type, bp::arg("memory_type"),
           "Raises coinfer.Unsupported, whatever `memory_type` is: the CPU reads the process's "
           "memory.")
      .def("set_from", &set_from, bp::arg("tensor"),
           "Takes the element type and shape of `tensor`, a Tensor or array; RuntimeError for a "
           "dtype that tensors do not have.");
  bp::class_<PyPreSteps> steps{
      "_PreProcessSteps",
      "What is done with the caller's tensor, in the order of the calls. Each "
      "method returns the object itself. What a step cannot do, `build` raises "
      "as a RuntimeError naming the input.\n\nThread safety: as for the PrePostProcessor.",
      bp::no_init};
  def_named(steps, "convert_layout", convert_layout_doc, &convert_layout, bp::arg("dims"),
            bp::arg("dst_layout"));
  def_named(steps, "mean",
            "Subtracts `value`, a number, or `values`, a sequence of one for each channel, in "
            "floating-point types only. TypeError for what is no\nnumber; `build` raises "
            "RuntimeError for other types or another number of channels.",
            &mean, bp::arg("values"), bp::arg("value"));
  def_named(steps, "scale",
            "Divides by `value`, a number, or `values`, a sequence of one for each channel, in "
            "floating-point types only. TypeError for what is no\nnumber; `build` raises "
            "RuntimeError for other types or another number of channels.",
            &scale, bp::arg("values"), bp::arg("value"));
  steps
      .def("convert_element_type", &convert_element_type, (bp::arg("type") = none),
           "To another `type`, a coinfer.Type or dtype; without one to the model's. TypeError for "
           "another, `build` raises RuntimeError for\nstrings.")
      .def("convert_color", &convert_color_to, bp::arg("dst_format"),
           "To the ColorFormat `dst_format`: RGB, BGR or GRAY, channels last. TypeError for no "
           "ColorFormat; `build` raises RuntimeError when\nthe tensor's format is not said or "
           "cannot become it.")
      .def("resize", &resize_to_model, bp::arg("alg"))
      .def("resize", &resize, (bp::arg("alg"), bp::arg("dst_height"), bp::arg("dst_width")),
           "To `dst_height` rows and `dst_width` columns, without them to the model's, by the "
           "ResizeAlgorithm `alg`. TypeError for another,\nor one of the two alone; `build` raises "
           "RuntimeError when the layout does not say where they are.")
      .def("pad", &pad,
           (bp::arg("pads_begin"), bp::arg("pads_end"), bp::arg("value"), bp::arg("mode")),
           "Adds `pads_begin` elements before and `pads_end` after each dimension, sequences of "
           "int. What they are says `mode`, a\nPaddingMode; `value` is for CONSTANT. SYMMETRIC "
           "takes no negative numbers. TypeError for no int or mode, RuntimeError for\nlengths "
           "that differ; `build` raises it when they do not suit the shape.")
      .def("crop", &crop, (bp::arg("begin"), bp::arg("end")),
           "Takes the part from `begin` to `end` (exclusive), sequences of int for each dimension; "
           "negative numbers count from the end.\nTypeError for no int, RuntimeError for lengths "
           "that differ; `build` raises it when they do not suit the shape.")
      .def("reverse_channels", &reverse_channels,
           "RGB to BGR, and back, in the dimension C; `build` raises RuntimeError when the layout "
           "has none.")
      .def("custom", &custom, bp::arg("operation"),
           "Raises coinfer.Unsupported: an `operation` is made of OpenVINO's own classes.");
  bp::class_<PyInputModel>(
      "_InputModelInfo",
      "What the model's input is like.\n\nThread safety: as for the PrePostProcessor.", bp::no_init)
      .def("set_layout", &set_model_layout, bp::arg("layout"), layout_doc);
  bp::class_<PyInput>("_InputInfo",
                      "One input: its tensor, what is done with it, and the model's.\n\nThread "
                      "safety: as for the PrePostProcessor.",
                      bp::no_init)
      .def("tensor", &part<PyInputTensor, PyInput>, "What the caller's tensor is like.")
      .def("preprocess", &part<PyPreSteps, PyInput>, "What is done with it.")
      .def("model", &part<PyInputModel, PyInput>, "What the model's input is like.");
}

void register_output_classes() {
  const auto none = bp::object{};
  bp::class_<PyOutputTensor>("_OutputTensorInfo",
                             "What the caller's tensor is to be like. Each method returns the "
                             "object itself.\n\nThread safety: as for the PrePostProcessor.",
                             bp::no_init)
      .def("set_element_type", &set_output_type, bp::arg("type"),
           "The `type` of its elements, a coinfer.Type or dtype; TypeError for another. What "
           "cannot be converted, `build` raises as a\nRuntimeError.")
      .def("set_layout", &set_output_layout, bp::arg("layout"), layout_doc);
  bp::class_<PyPostSteps> steps{
      "_PostProcessSteps",
      "What is done with the model's output, in the order of the calls. Each "
      "method returns the object itself.\n\nThread safety: as for the PrePostProcessor.",
      bp::no_init};
  def_named(steps, "convert_layout", convert_layout_doc, &convert_output_layout, bp::arg("dims"),
            bp::arg("dst_layout"));
  steps
      .def("convert_element_type", &convert_output_type, (bp::arg("type") = none),
           "To another `type`, a coinfer.Type or dtype; without one to the tensor's. TypeError for "
           "another, `build` raises RuntimeError for\nstrings.")
      .def("custom", &custom, bp::arg("operation"),
           "Raises coinfer.Unsupported: an `operation` is made of OpenVINO's own classes.");
  bp::class_<PyOutputModel>(
      "_OutputModelInfo",
      "What the model's output is like.\n\nThread safety: as for the PrePostProcessor.",
      bp::no_init)
      .def("set_layout", &set_output_model_layout, bp::arg("layout"), layout_doc);
  bp::class_<PyOutput>("_OutputInfo",
                       "One output: the model's, what is done with it, and the caller's "
                       "tensor.\n\nThread safety: as for the PrePostProcessor.",
                       bp::no_init)
      .def("tensor", &part<PyOutputTensor, PyOutput>, "What the caller's tensor is to be like.")
      .def("postprocess", &part<PyPostSteps, PyOutput>, "What is done with the model's output.")
      .def("model", &part<PyOutputModel, PyOutput>, "What the model's output is like.");
}

}  // namespace

void register_preprocess() {
  const bp::object module_name = bp::scope().attr("__name__");
  bp::scope().attr("__name__") = "coinfer.preprocess";
  register_input_classes();
  register_output_classes();
  bp::class_<Processor, ProcessorRef, boost::noncopyable> type{
      "_PrePostProcessor",
      "Puts what prepares inputs for a model, and what is done with its outputs, into the model "
      "itself.\n\nThread safety: processors of different models may be used at once.",
      bp::no_init};
  type.def("__init__", &initialise, bp::arg("model"))
      .def("input", &only_input)
      .def("output", &only_output)
      .def("build", &build,
           "Changes the model, and returns it. Raises RuntimeError naming the input or output; the "
           "model is then as before.")
      .def("__str__", &description)
      .def("__repr__", &representation);
  def_named(type, "input",
            "The InputInfo of the input whose `tensor_name` or `input_index` is given; without "
            "one, of the only input. RuntimeError when there is none.",
            &input_of, bp::arg("input_index"), bp::arg("tensor_name"));
  def_named(type, "output",
            "The OutputInfo of the output whose `tensor_name` or `output_index` is given; without "
            "one, of the only output. RuntimeError when there is none.",
            &output_of, bp::arg("output_index"), bp::arg("tensor_name"));
  bp::scope().attr("__name__") = module_name;
}

}  // namespace coinfer::python
