#include "module/tensor.hpp"

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "module/array.hpp"
#include "module/construct.hpp"
#include "module/dlpack.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/hot_method.hpp"
#include "module/numpy.hpp"
#include "module/overloads.hpp"
#include "module/plain_values.hpp"
#include "module/port.hpp"
#include "module/shape.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

constexpr const char* class_doc = R"(A typed, shaped block of memory: what models read and write.

Tensor(array, shared_memory=False)
    A copy of a numpy array, or with `shared_memory` the array's own memory (it must be C-contiguous;
    over a read-only array `data` is read-only too). Anything with `__array__`, the buffer protocol or
    DLPack is taken as an array; strings become a string tensor and are always copied.
Tensor(array, shape, type=None)
    The array's memory, seen with another shape and type.
Tensor(list)
    A copy of a (nested) list.
Tensor(type, shape)
    New memory, uninitialised. `type` is a coinfer.Type or a numpy dtype.
Tensor(port), Tensor(port, array)
    For a model's input or output: new memory, or the array's.
Tensor(other, begin, end)
    The region [begin, end) of another tensor, over the same memory.

Raises TypeError for what is no array, RuntimeError for a shape, type or region that does not fit.
Thread safety: reading a shared tensor is safe, changing its shape is not.)";

Tensor from_region(const Tensor& other, PyObject* begin, PyObject* end) {
  return other.roi(shape_from(begin, "region"), shape_from(end, "region"));
}

/// The array's memory with another shape and type.
Tensor reinterpret(PyObject* array, PyObject* shape, PyObject* type) {
  auto* as_array = reinterpret_cast<PyArrayObject*>(array);
  if (!PyArray_ISCARRAY_RO(as_array)) {
    throw Error(fmt::format("{} cannot be shared with a tensor: it must be C-contiguous",
                            describe_array(array)));
  }
  const auto natural = element_type_of_numpy(PyArray_TYPE(as_array));
  if (type == nullptr && (!natural || *natural == ElementType::string)) {
    throw Error(fmt::format("{} cannot be shared with a tensor", describe_array(array)));
  }
  return share_array(array, type == nullptr ? *natural : element_type_from(type),
                     shape_from(shape));
}

Tensor from_port(const Port& port, PyObject* array) {
  const auto shape = port.shape.is_static() ? port.shape.to_shape() : Shape{0};
  if (array == nullptr) {
    return Tensor{port.type, shape};
  }
  if (!PyArray_Check(array)) {
    throw_type_error(
        fmt::format("Tensor(port, array): a numpy array, not {}", Py_TYPE(array)->tp_name));
  }
  auto tensor = share_array(array);
  const auto wanted = static_cast<std::size_t>(shape.elements()) * size_of(port.type);
  if (tensor.byte_size() < wanted) {
    throw Error(fmt::format("{} is too small for {}: {} bytes of {}", describe_array(array),
                            describe_port(port), tensor.byte_size(), wanted));
  }
  return share_array(array, port.type, port.shape.is_static() ? shape : tensor.shape());
}

/// A bool, also numpy's: the flag `shared_memory` given by position.
bool is_flag(PyObject* object) { return PyBool_Check(object) || PyArray_IsScalar(object, Bool); }

/// Of one value, of which arrays and Tensors may be shared.
Tensor tensor_of(PyObject* value, bool share) {
  if (const auto* other = tensor_in(value)) {
    return Tensor{*other};
  }
  if (const auto* port = port_in(value)) {
    return from_port(**port, nullptr);
  }
  const auto array = PyRef::steal(array_from(value));
  auto* as_array = reinterpret_cast<PyArrayObject*>(array.get());
  if (!PyArray_Check(value) && PyArray_NDIM(as_array) == 0 &&
      PyArray_TYPE(as_array) == NPY_OBJECT) {
    throw_type_error(fmt::format("cannot make a tensor of {}", Py_TYPE(value)->tp_name));
  }
  const auto type = element_type_of_numpy(PyArray_TYPE(as_array));
  if (share && type == ElementType::string) {
    if (PyArray_Check(value)) {
      throw Error("strings cannot be shared with a tensor; they are always copied");
    }
    share = false;
  }
  if (type == ElementType::string && PyArray_Check(value) && !PyArray_IS_C_CONTIGUOUS(as_array)) {
    throw Error(fmt::format("{} cannot be a tensor: strings must be C-contiguous",
                            describe_array(array.get())));
  }
  return share ? share_array(array.get()) : copy_array(array.get());
}

// Which constructor is meant follows from what is given: names only say in which order.

void from_one(const bp::object& self, const bp::object& value) {
  install_value(self, tensor_of(value.ptr(), false));
}

void from_shared(const bp::object& self, const bp::object& value, const bp::object& share) {
  install_value(self, tensor_of(value.ptr(), flag(share.ptr(), false)));
}

void from_two(const bp::object& self, const bp::object& first, const bp::object& second) {
  if (is_flag(second.ptr())) {
    from_shared(self, first, second);
  } else if (tensor_in(first.ptr()) != nullptr) {
    throw_type_error("Tensor(other, begin, end): `end` is missing");
  } else if (const auto* port = port_in(first.ptr())) {
    install_value(self, from_port(**port, second.ptr()));
  } else if (!PyArray_Check(first.ptr()) && !PyList_Check(first.ptr())) {
    install_value(self, Tensor{element_type_from(first.ptr()), shape_from(second.ptr())});
  } else if (is_shape_like(second.ptr())) {
    const auto array = PyRef::steal(array_from(first.ptr()));
    install_value(self, reinterpret(array.get(), second.ptr(), nullptr));
  } else {
    from_shared(self, first, second);
  }
}

void from_three(const bp::object& self, const bp::object& first, const bp::object& second,
                const bp::object& third) {
  if (const auto* other = tensor_in(first.ptr())) {
    install_value(self, from_region(*other, second.ptr(), third.ptr()));
    return;
  }
  if (!PyArray_Check(first.ptr()) && !PyList_Check(first.ptr())) {
    throw_type_error(fmt::format(
        "Tensor(array, shape, type): a numpy array, not {}; Tensor(other, begin, end): a Tensor",
        Py_TYPE(first.ptr())->tp_name));
  }
  const auto array = PyRef::steal(array_from(first.ptr()));
  install_value(self,
                reinterpret(array.get(), second.ptr(), third.is_none() ? nullptr : third.ptr()));
}

bp::object take(PyObject* object) { return bp::object{bp::handle<>(checked(object))}; }

bp::object data_of(const Tensor& tensor) {
  if (tensor.type() != ElementType::string) {
    return take(view_of(tensor));
  }
  if (PyErr_WarnEx(PyExc_RuntimeWarning,
                   "the data of a string tensor is a copy; use `str_data` or `bytes_data` to say "
                   "which one is meant",
                   1) < 0) {
    throw bridge::PythonError{};
  }
  return take(strings_of(tensor, false));
}

void check_strings(const Tensor& tensor) {
  if (tensor.type() != ElementType::string) {
    throw Error(fmt::format("the tensor has the type {}, and no strings", name_of(tensor.type())));
  }
}

bp::object bytes_data(const Tensor& tensor) {
  check_strings(tensor);
  return take(strings_of(tensor, false));
}

bp::object str_data(const Tensor& tensor) {
  check_strings(tensor);
  return take(strings_of(tensor, true));
}

void set_strings(const Tensor& tensor, const bp::object& value) {
  check_strings(tensor);
  const auto array = PyRef::steal(array_from(value.ptr()));
  const auto given = PyArray_SIZE(reinterpret_cast<PyArrayObject*>(array.get()));
  const auto kind = PyArray_TYPE(reinterpret_cast<PyArrayObject*>(array.get()));
  if (kind != NPY_STRING && kind != NPY_UNICODE && kind != NPY_OBJECT) {
    throw Error(
        fmt::format("a string tensor takes str and bytes, not {}", describe_array(array.get())));
  }
  if (given != tensor.size()) {
    throw Error(
        fmt::format("the tensor has {} elements, {} strings were given", tensor.size(), given));
  }
  if (!tensor.is_continuous()) {
    throw Error("the strings of a region cannot be set; set those of the whole tensor");
  }
  assign_array(tensor, array.get());
}

void set_shape(Tensor& tensor, const bp::object& shape) {
  tensor.set_shape(shape_from(shape.ptr()));
}

void copy_from(Tensor& tensor, const bp::object& source) {
  if (const auto* other = tensor_in(source.ptr())) {
    other->copy_to(tensor);
    return;
  }
  if (!PyArray_Check(source.ptr()) && !PyList_Check(source.ptr())) {
    throw_type_error(fmt::format("copy_from() takes a Tensor, an array or a list, not {}",
                                 Py_TYPE(source.ptr())->tp_name));
  }
  const auto array = PyRef::steal(array_from(source.ptr()));
  const auto type =
      element_type_of_numpy(PyArray_TYPE(reinterpret_cast<PyArrayObject*>(array.get())));
  if (!type || *type != tensor.type()) {
    throw Error(fmt::format("{} cannot be copied to a {} tensor", describe_array(array.get()),
                            name_of(tensor.type())));
  }
  const auto shape = shape_of(array.get());
  if (tensor.read_only()) {
    throw Error("cannot copy to a read-only tensor");
  }
  if (tensor.shape() != shape) {
    tensor.set_shape(shape);
  }
  assign_array(tensor, array.get());
}

void copy_to(const Tensor& tensor, Tensor& target) { tensor.copy_to(target); }

bp::object strides_of(const Tensor& tensor) {
  bp::list strides;
  for (const auto stride : tensor.strides()) {
    strides.append(stride);
  }
  return bp::import("coinfer.strides").attr("Strides")(strides);
}

bp::object type_of(const Tensor& tensor) {
  return bp::object{bp::handle<>(bp::borrowed(type_object(tensor.type())))};
}

std::string show(const Tensor& tensor) {
  return fmt::format("<Tensor: shape{} type: {}>", tensor.shape().to_string(),
                     name_of(tensor.type()));
}

bp::object equal(const Tensor& tensor, const bp::object& other) {
  const auto* that = tensor_in(other.ptr());
  return that == nullptr ? bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))}
                         : bp::object{tensor == *that};
}

std::intptr_t hash(const Tensor& tensor) {
  return reinterpret_cast<std::intptr_t>(&tensor.shape()) >> 4;
}

Tensor deep_copy(const Tensor& tensor, const bp::object&) {
  Tensor copy{tensor.type(), tensor.shape()};
  tensor.copy_to(copy);
  return copy;
}

bp::object dlpack(const Tensor& tensor, const bp::object& /*stream*/, const bp::object& max_version,
                  const bp::object& device, const bp::object& copy) {
  if (!device.is_none() && device != bp::make_tuple(1, 0)) {
    PyErr_SetString(PyExc_BufferError, "the tensor is in the CPU's memory, device (1, 0)");
    throw bridge::PythonError{};
  }
  bool versioned = false;
  if (!max_version.is_none()) {
    const bp::object major{max_version[0]};
    versioned = integer_from(major.ptr(), "a version of DLPack") >= 1;
  }
  return take(dlpack_capsule(flag(copy.ptr(), false) ? deep_copy(tensor, {}) : tensor, versioned));
}

bp::tuple dlpack_device(const Tensor&) { return bp::make_tuple(1, 0); }

}  // namespace

const Tensor* tensor_in(PyObject* object) noexcept {
  return static_cast<const Tensor*>(
      bp::converter::get_lvalue_from_python(object, bp::converter::registered<Tensor>::converters));
}

PyObject* wrap_tensor(const Tensor& tensor) { return bp::incref(bp::object{tensor}.ptr()); }

void register_tensor() {
  const auto by_value = bp::return_value_policy<bp::return_by_value>();
  using bp::arg;
  bp::class_<Tensor> type{"Tensor", class_doc, bp::no_init};
  def_named(type, "__init__", &from_three, (arg("other"), arg("begin"), arg("end")),
            (arg("array"), arg("shape"), arg("type") = bp::object{}));
  def_named(type, "__init__", &from_shared, (arg("array"), arg("shared_memory") = false));
  def_named(type, "__init__", &from_two, (arg("port"), arg("array")), (arg("type"), arg("shape")));
  def_named(type, "__init__", &from_one, arg("image"), arg("port"), arg("list"), arg("other"),
            arg("array"));
  def_named(type, "copy_from",
            "Copies the values of `source`, an array or list, or of `source_tensor`, of the same "
            "element type, whose shape the tensor takes;\nRuntimeError when the types differ, the "
            "tensor cannot grow or is read-only; TypeError for another `source`.",
            &copy_from, arg("source_tensor"), arg("source"));
  type.add_property("data", &data_of,
                    "A numpy view [shape] of the tensor's memory, of the element type's dtype, "
                    "which it keeps alive. Read-only over read-only\nmemory. bf16 is seen as "
                    "float16 of the same bits. Of strings it is a copy, with a RuntimeWarning. "
                    "RuntimeError for a rank\nthat numpy does not have.")
      .add_property("bytes_data", &bytes_data, &set_strings,
                    "A copy of the strings as a numpy array [shape] of bytes; RuntimeError for "
                    "other types. Settable with as many strings as the\ntensor has elements, else "
                    "a RuntimeError; TypeError for what is neither str nor bytes.")
      .add_property("str_data", &str_data, &set_strings,
                    "The same, decoded as UTF-8; what is none becomes U+FFFD. RuntimeError for "
                    "other types, and as for `bytes_data` when set.")
      .add_property("shape", bp::make_function(&Tensor::shape, by_value), &set_shape,
                    "The Shape, a copy. Set it, with a Shape, list or tuple, to reshape in place: "
                    "RuntimeError when a tensor over someone's memory\nwould have to grow, "
                    "TypeError for what is no shape.")
      .add_property("element_type", &type_of, "The coinfer.Type of its elements.")
      .add_property("size", &Tensor::size, "Number of elements.")
      .add_property("byte_size", &Tensor::byte_size, "Bytes of all elements.")
      .add_property(
          "strides", &strides_of,
          "How many bytes lie between neighbours along each dimension, outermost first, Strides.")
      .def("get_shape", &Tensor::shape, by_value, "The same as `shape`.")
      .def("set_shape", &set_shape, bp::arg("shape"),
           "Gives the tensor another `shape`, a Shape, list or tuple, in place: RuntimeError when "
           "a tensor over someone's memory would\nhave to grow, TypeError for what is no shape.")
      .def("get_element_type", &type_of, "The same as `element_type`.")
      .def("get_size", &Tensor::size, "The same as `size`.")
      .def("get_byte_size", &Tensor::byte_size, "The same as `byte_size`.")
      .def("get_strides", &strides_of, "The same as `strides`.")
      .def("is_continuous", &Tensor::is_continuous,
           "True when its elements lie one behind the other in row-major order.")
      .def("copy_to", &copy_to, bp::arg("target_tensor"),
           "Copies the values to the Tensor `target_tensor`, which takes the shape; RuntimeError "
           "when the types differ or the target cannot grow.")
      .def("__dlpack__", &dlpack,
           (bp::arg("stream") = bp::object{}, bp::arg("max_version") = bp::object{},
            bp::arg("dl_device") = bp::object{}, bp::arg("copy") = bp::object{}),
           "The tensor for `from_dlpack` of numpy, torch and others, zero-copy. BufferError for "
           "strings, another device, and\nread-only memory unless `max_version` is (1, 0) or more.")
      .def("__dlpack_device__", &dlpack_device, "(1, 0): the CPU.")
      .def("__repr__", &show)
      .def("__eq__", &equal)
      .def("__hash__", &hash)
      .def(
          "__copy__", +[](const Tensor& tensor) { return Tensor{tensor}; })
      .def("__deepcopy__", &deep_copy);
}

}  // namespace coinfer::python
