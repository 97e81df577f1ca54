#include "module/inputs.hpp"

#include "coinfer/error.hpp"
#include "module/array.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/numpy.hpp"
#include "module/results.hpp"
#include "module/tensor.hpp"

namespace coinfer::python {
namespace {

using bridge::PyRef;

/// A checked value: either a tensor to be used as it is, or an array to be copied or shared.
struct Value {
  std::size_t index;
  Tensor tensor;
  PyRef array;
  Shape shape;  // of the tensor to be: differs from the array's for scalars
  Taken taken;
};
using Values = boost::container::small_vector<Value, 4>;

PyArrayObject* as_array(PyObject* object) { return reinterpret_cast<PyArrayObject*>(object); }

[[noreturn]] void throw_wrong_kind(const Port& port, PyObject* value) {
  const auto what =
      PyArray_Check(value) ? describe_array(value) : std::string{Py_TYPE(value)->tp_name};
  const auto* wanted = port.type == ElementType::string ? "strings" : "numbers";
  const auto text = fmt::format("{} takes {}; {} was given", describe_port(port), wanted, what);
  if (port.type == ElementType::string && PyArray_Check(value)) {
    throw Error(text);
  }
  throw_type_error(text);
}

void check_shape(const Port& port, const Shape& shape, bool scalar = false) {
  if (!port.shape.contains(shape)) {
    throw Error(
        scalar ? fmt::format("{} was given a scalar", describe_port(port))
               : fmt::format("{} was given the shape {}", describe_port(port), shape.to_string()));
  }
}

/// Numbers, strings or a nested list of them: what the user did not make an array himself.
bool is_plain_value(PyObject* value) {
  return PyFloat_Check(value) || PyLong_Check(value) || PyUnicode_Check(value) ||
         PyBytes_Check(value) || PyList_Check(value) || PyTuple_Check(value) ||
         PyArray_IsScalar(value, Generic);
}

/// Can the array's memory be the tensor's memory?
Taken sharing(PyArrayObject* array, const Port& port, bool share) {
  const auto type = element_type_of_numpy(PyArray_TYPE(array));
  if (!type || numpy_type(*type) != numpy_type(port.type)) {
    return Taken::other_type;
  }
  if (!PyArray_ISCARRAY_RO(array)) {
    return PyArray_IS_C_CONTIGUOUS(array) ? Taken::foreign : Taken::not_dense;
  }
  return share ? Taken::shared : Taken::not_shared;
}

/// The shape of the tensor that a scalar becomes: the input's own rank with every extent 1.
Shape shape_of_scalar(const Port& port) {
  if (port.shape.contains(Shape{}) || !port.shape.has_rank()) {
    return Shape{};
  }
  return Shape(static_cast<std::size_t>(port.shape.rank()), 1);
}

bool is_strings(PyObject* array) {
  const auto kind = PyArray_TYPE(as_array(array));
  return kind == NPY_STRING || kind == NPY_UNICODE;
}

/// The numbers of an array of objects, as an array of the port's type.
PyRef numbers_of(PyObject* objects, const Port& port) {
  const auto type = port.type == ElementType::bf16 ? NPY_FLOAT32 : numpy_type(port.type);
  auto numbers = PyRef::steal(PyArray_FromArray(as_array(objects), PyArray_DescrFromType(type),
                                                NPY_ARRAY_CARRAY | NPY_ARRAY_FORCECAST));
  if (!numbers) {
    PyErr_Clear();
    throw_wrong_kind(port, objects);
  }
  return numbers;
}

/// An array as a checked value. `plain`: made by us from a list or scalar.
Value check_array(PyRef array, const Port& port, bool share, bool plain) {
  if (PyArray_TYPE(as_array(array.get())) == NPY_OBJECT && port.type != ElementType::string) {
    array = numbers_of(array.get(), port);
    plain = true;
  }
  auto* given = as_array(array.get());
  const auto kind = PyArray_TYPE(given);
  const bool wants_strings = port.type == ElementType::string;
  // Types that packages register with numpy (ml_dtypes): it knows whether they can be cast.
  const bool number = PyTypeNum_ISNUMBER(kind) || kind == NPY_BOOL || PyTypeNum_ISUSERDEF(kind);
  if (wants_strings ? !is_strings(array.get()) : !number) {
    throw_wrong_kind(port, array.get());
  }
  auto shape = PyArray_NDIM(given) == 0 ? shape_of_scalar(port) : shape_of(array.get());
  check_shape(port, shape, PyArray_NDIM(given) == 0);
  auto taken = Taken::strings;
  if (!wants_strings) {
    taken = plain ? Taken::value : sharing(given, port, share);
  }
  return {port.index, {}, std::move(array), std::move(shape), taken};
}

/// The value as an array; a ValueError, such as of lists of unequal lengths, names the input.
PyRef array_for(const Port& port, PyObject* value) {
  try {
    return PyRef::steal(array_from(value));
  } catch (const bridge::PythonError&) {
    if (PyErr_ExceptionMatches(PyExc_ValueError) == 0) {
      throw;
    }
    PyErr_Clear();
    throw_value_error(
        fmt::format("{} was given a {} of which numpy makes no array: its parts "
                    "differ in length",
                    describe_port(port), Py_TYPE(value)->tp_name));
  }
}

Value check_value(PyObject* value, const Port& port, bool share) {
  if (PyArray_Check(value)) {
    return check_array(PyRef::borrow(value), port, share, false);
  }
  if (const auto* tensor = tensor_in(value)) {
    if (tensor->type() != port.type) {
      throw Error(fmt::format("{} was given a tensor of type {}", describe_port(port),
                              name_of(tensor->type())));
    }
    check_shape(port, tensor->shape());
    return {port.index,
            *tensor,
            {},
            tensor->shape(),
            tensor->is_continuous() ? Taken::tensor : Taken::not_dense};
  }
  if (value == Py_None || PyDict_Check(value) || PyComplex_CheckExact(value)) {
    throw_wrong_kind(port, value);
  }
  auto array = array_for(port, value);
  if (PyArray_TYPE(as_array(array.get())) == NPY_OBJECT &&
      PyArray_NDIM(as_array(array.get())) == 0) {
    throw_wrong_kind(port, value);
  }
  return check_array(std::move(array), port, share, is_plain_value(value));
}

const Port& port_at(const PortTable& ports, PyObject* key) {
  return *ports.inputs()[ports.find_input(key)];
}

void add(Values& values, Value value, const PortTable& ports) {
  for (const auto& other : values) {
    if (other.index == value.index) {
      throw Error(fmt::format("{} was given twice", describe_port(*ports.inputs()[value.index])));
    }
  }
  values.push_back(std::move(value));
}

void parse_sequence(PyObject* inputs, const PortTable& ports, bool share, Values& values) {
  auto* const* items = PySequence_Fast_ITEMS(inputs);
  const auto count = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(inputs));
  if (count > ports.inputs().size()) {
    throw Error(fmt::format("the model has {} inputs, {} were given; it has {}",
                            ports.inputs().size(), count, list_names(ports.inputs())));
  }
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(check_value(items[i], *ports.inputs()[i], share));
  }
}

/// A list of nothing but numbers or strings, or of lists of them, is one value, of a model with one
/// input.
bool is_one_value(PyObject* list, bool nested = true) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    auto* item = PyList_GET_ITEM(list, i);
    const bool one = PyList_Check(item) ? nested && is_one_value(item, false)
                                        : !PyTuple_Check(item) && is_plain_value(item);
    if (!one) {
      return false;
    }
  }
  return PyList_GET_SIZE(list) > 0;
}

/// A list of one number is the only input of a model that takes a scalar.
bool holds_a_scalar(PyObject* list, const Port& port) {
  return PyList_GET_SIZE(list) == 1 && !PyList_Check(PyList_GET_ITEM(list, 0)) &&
         port.shape.rank() == 0;
}

/// Can numpy make an array of it that is more than the object itself?
bool is_array_like(PyObject* value) {
  return PyArray_Check(value) || tensor_in(value) != nullptr || is_plain_value(value) ||
         PyObject_CheckBuffer(value) || PyObject_HasAttrString(value, "__array__") != 0 ||
         PyObject_HasAttrString(value, "__dlpack__") != 0;
}

const Port& single_input(const PortTable& ports, PyObject* value) {
  if (!is_array_like(value)) {
    throw_type_error(
        fmt::format("inputs are a dict, a list, a tuple, an array, a Tensor, a number or a string; "
                    "{} was given",
                    Py_TYPE(value)->tp_name));
  }
  if (ports.inputs().size() != 1) {
    throw Error(fmt::format("one value ({}) was given to a model with {} inputs: {}",
                            Py_TYPE(value)->tp_name, ports.inputs().size(),
                            list_names(ports.inputs())));
  }
  return *ports.inputs()[0];
}

void check_inputs(PyObject* inputs, const PortTable& ports, bool share, Values& values) {
  if (PyDict_Check(inputs)) {
    PyObject* key = nullptr;
    PyObject* value = nullptr;
    for (Py_ssize_t at = 0; PyDict_Next(inputs, &at, &key, &value) != 0;) {
      // What is borrowed must outlive user code that conversion may run.
      const auto held_key = PyRef::borrow(key);
      const auto held = PyRef::borrow(value);
      add(values, check_value(held.get(), port_at(ports, held_key.get()), share), ports);
    }
  } else if (PyList_Check(inputs) && ports.inputs().size() == 1 &&
             (PyList_GET_SIZE(inputs) == 0 || is_one_value(inputs)) &&
             !holds_a_scalar(inputs, *ports.inputs()[0])) {
    values.push_back(check_value(inputs, *ports.inputs()[0], share));
  } else if (PyTuple_Check(inputs)) {
    parse_sequence(inputs, ports, share, values);
  } else if (PyList_Check(inputs)) {
    const auto items = PyRef::steal(checked(PySequence_Tuple(inputs)));
    parse_sequence(items.get(), ports, share, values);
  } else if (is_results(inputs)) {
    parse_sequence(results_values(inputs), ports, share, values);
  } else {
    values.push_back(check_value(inputs, single_input(ports, inputs), share));
  }
}

/// Copies the array's values, cast, to a dense tensor of the value's shape.
void assign(const Tensor& tensor, const Value& value) {
  if (PyArray_NDIM(as_array(value.array.get())) != 0) {
    assign_array(tensor, value.array.get());
    return;
  }
  // numpy broadcasts a scalar to the one element.
  assign_array(Tensor{tensor.type(), Shape{}, tensor.memory(),
                      static_cast<std::size_t>(static_cast<std::byte*>(tensor.data()) -
                                               tensor.memory()->data())},
               value.array.get());
}

/// May the copy of the array's values fail? Casts may: a program can have numpy raise their
/// warnings and floating-point errors.
bool may_fail(const Value& value, const Port& port) {
  if (value.taken == Taken::strings) {
    return true;
  }
  const auto from = PyArray_TYPE(as_array(value.array.get()));
  const auto to =
      port.type == ElementType::bf16 && from != NPY_FLOAT16 ? NPY_FLOAT32 : numpy_type(port.type);
  const bool from_integer = PyTypeNum_ISINTEGER(from) || from == NPY_BOOL;
  return from != to && (PyTypeNum_ISUSERDEF(from) || PyArray_CanCastSafely(from, to) == 0) &&
         (!from_integer || to == NPY_FLOAT16);
}

/// Does what may fail of the copy, to memory of its own.
void prepare(Value& value, const Port& port) {
  if (value.array && value.taken != Taken::shared && may_fail(value, port)) {
    Tensor ready{port.type, value.shape};
    assign(ready, value);
    value.tensor = std::move(ready);
  }
}

Tensor tensor_for(Value& value, const Port& port, InferRequest* request) {
  if (value.taken == Taken::tensor) {
    return std::move(value.tensor);
  }
  if (value.taken == Taken::shared) {
    return share_array(value.array.get(), port.type, value.shape);
  }
  Tensor own = request != nullptr ? request->own_input_tensor(value.index, value.shape)
                                  : Tensor{port.type, value.shape};
  if (!value.tensor) {
    assign(own, value);
  } else if (value.tensor.is_continuous() && port.type != ElementType::string) {
    copy_bytes(own.data(), value.tensor.data(), own.byte_size());
  } else {
    value.tensor.copy_to(own);
  }
  return own;
}

}  // namespace

const char* describe_taken(Taken taken) noexcept {
  switch (taken) {
    case Taken::not_set:
      return "not set";
    case Taken::tensor:
      return "zero-copy: a Tensor is read where it is";
    case Taken::shared:
      return "zero-copy: the array is read where it is";
    case Taken::not_shared:
      return "copied: share_inputs is False";
    case Taken::other_type:
      return "copied: cast to the element type of the input";
    case Taken::not_dense:
      return "copied: not C-contiguous";
    case Taken::foreign:
      return "copied: not aligned or not of native byte order";
    case Taken::value:
      return "copied: a scalar or a list";
    case Taken::strings:
      return "copied: strings are always copied";
  }
  return "";
}

void parse_inputs(PyObject* inputs, const PortTable& ports, bool share, InferRequest* request,
                  BoundInputs& bound) {
  if (inputs == nullptr || inputs == Py_None) {
    return;
  }
  Values values;
  check_inputs(inputs, ports, share, values);
  if (request != nullptr) {
    for (auto& value : values) {
      prepare(value, *ports.inputs()[value.index]);
    }
  }
  for (auto& value : values) {
    auto tensor = tensor_for(value, *ports.inputs()[value.index], request);
    bound.push_back({value.index, std::move(tensor), value.taken});
  }
}

void set_inputs(InferRequest& request, const BoundInputs& bound) {
  for (const auto& input : bound) {
    request.set_input_tensor(input.index, input.tensor);
  }
}

}  // namespace coinfer::python
