#include "module/array.hpp"

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "module/element_types.hpp"
#include "module/exceptions.hpp"
#include "module/numpy.hpp"

namespace coinfer::python {
namespace {

using bridge::GilReleased;
using bridge::PyRef;

constexpr std::size_t large = 64 * 1024;

/// The base of an array over a tensor's memory.
struct MemoryOwner {
  PyObject head;
  MemoryRef memory;
};

void free_owner(PyObject* self) {
  auto* owner = reinterpret_cast<MemoryOwner*>(self);
  MemoryRef last = std::move(owner->memory);
  owner->memory.~MemoryRef();
  PyObject_Free(self);
  if (last.use_count() == 1 && last->bytes() > large) {
    const GilReleased released;
    last.reset();
  }
}

PyTypeObject owner_type = {PyVarObject_HEAD_INIT(nullptr, 0)};

PyArrayObject* as_array(PyObject* object) { return reinterpret_cast<PyArrayObject*>(object); }

PyObject* owner_of(const MemoryRef& memory) {
  auto* self = PyObject_New(MemoryOwner, &owner_type);
  if (self == nullptr) {
    throw bridge::PythonError{};
  }
  new (&self->memory) MemoryRef{memory};
  return reinterpret_cast<PyObject*>(self);
}

struct NumpyShape {
  explicit NumpyShape(const Shape& shape) : rank{static_cast<int>(shape.size())} {
    if (shape.size() > NPY_MAXDIMS_LEGACY_ITERS) {
      throw Error(fmt::format("numpy has no arrays of rank {}", shape.size()));
    }
    std::copy(shape.begin(), shape.end(), lengths);
  }
  int rank;
  npy_intp lengths[NPY_MAXDIMS_LEGACY_ITERS];
};

std::size_t bytes_of(PyArrayObject* array) {
  return static_cast<std::size_t>(PyArray_NBYTES(array));
}

/// One string of a numpy array of kind U or S, or a str or bytes object.
std::string string_at(PyArrayObject* array, char* item) {
  const auto kind = PyArray_TYPE(array);
  const auto width = static_cast<std::size_t>(PyArray_ITEMSIZE(array));
  if (kind == NPY_STRING) {
    auto length = width;
    while (length > 0 && item[length - 1] == '\0') {
      --length;
    }
    return {item, length};
  }
  const auto object = PyRef::steal(checked(PyArray_GETITEM(array, item)));
  if (PyBytes_Check(object.get())) {
    return {PyBytes_AS_STRING(object.get()),
            static_cast<std::size_t>(PyBytes_GET_SIZE(object.get()))};
  }
  if (!PyUnicode_Check(object.get())) {
    throw_type_error(
        fmt::format("a string tensor takes str and bytes, not {}", Py_TYPE(object.get())->tp_name));
  }
  Py_ssize_t length = 0;
  const auto* text = PyUnicode_AsUTF8AndSize(object.get(), &length);
  if (text == nullptr) {
    throw bridge::PythonError{};
  }
  return {text, static_cast<std::size_t>(length)};
}

/// Visits the items of an array in C order.
template <class Visit>
void for_each_item(PyArrayObject* array, Visit visit) {
  const auto iterator = PyRef::steal(checked(PyArray_IterNew(reinterpret_cast<PyObject*>(array))));
  auto* items = reinterpret_cast<PyArrayIterObject*>(iterator.get());
  while (PyArray_ITER_NOTDONE(items)) {
    visit(static_cast<char*>(PyArray_ITER_DATA(items)));
    PyArray_ITER_NEXT(items);
  }
}

/// Whether the array's bytes are those of a bf16 tensor: float16 of raw bits, or
/// ml_dtypes.bfloat16.
bool is_raw_bf16(PyArrayObject* array) {
  if (PyArray_TYPE(array) == NPY_FLOAT16) {
    return true;
  }
  if (PyArray_ITEMSIZE(array) != 2 || PyTypeNum_ISNUMBER(PyArray_TYPE(array)) ||
      PyArray_TYPE(array) == NPY_BOOL) {
    return false;
  }
  const auto name = PyRef::steal(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(PyArray_DESCR(array)), "name"));
  if (!name) {
    PyErr_Clear();
    return false;
  }
  return PyUnicode_Check(name.get()) &&
         PyUnicode_CompareWithASCIIString(name.get(), "bfloat16") == 0;
}

void round_to_bf16(const float* source, std::uint16_t* target, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, source + i, 4);
    const bool nan = (bits & 0x7fffffffU) > 0x7f800000U;
    target[i] = static_cast<std::uint16_t>(nan ? (bits >> 16U) | 0x40U
                                               : (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U);
  }
}

void assign_bf16(const Tensor& tensor, PyArrayObject* array) {
  if (is_raw_bf16(array)) {
    const auto dense =
        PyRef::steal(checked(PyArray_FromArray(array, nullptr, NPY_ARRAY_CARRAY_RO)));
    copy_bytes(tensor.data(), PyArray_DATA(as_array(dense.get())), tensor.byte_size());
    return;
  }
  const auto floats = PyRef::steal(checked(PyArray_FromArray(
      array, PyArray_DescrFromType(NPY_FLOAT32), NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST)));
  const auto* source = static_cast<const float*>(PyArray_DATA(as_array(floats.get())));
  auto* target = tensor.data<std::uint16_t>();
  const auto count = static_cast<std::size_t>(tensor.size());
  if (count * 2 > large) {
    const GilReleased released;
    round_to_bf16(source, target, count);
  } else {
    round_to_bf16(source, target, count);
  }
}

}  // namespace

void register_arrays() {
  owner_type.tp_name = "coinfer._coinfer.Memory";
  owner_type.tp_doc = "Keeps the memory of a tensor alive behind a numpy array.";
  owner_type.tp_basicsize = sizeof(MemoryOwner);
  owner_type.tp_flags = Py_TPFLAGS_DEFAULT;
  owner_type.tp_dealloc = free_owner;
  if (PyType_Ready(&owner_type) < 0) {
    throw bridge::PythonError{};
  }
}

PyObject* view_of(const Tensor& tensor) {
  NumpyShape shape{tensor.shape()};
  npy_intp steps[NPY_MAXDIMS_LEGACY_ITERS];
  const bool dense = tensor.is_continuous();
  if (!dense) {
    const auto strides = tensor.strides();
    std::copy(strides.begin(), strides.end(), steps);
  }
  auto array = PyRef::steal(checked(PyArray_New(
      &PyArray_Type, shape.rank, shape.lengths, numpy_type(tensor.type()), dense ? nullptr : steps,
      tensor.data(), 0,
      tensor.read_only() ? NPY_ARRAY_ALIGNED : NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE, nullptr)));
  if (PyArray_SetBaseObject(as_array(array.get()), owner_of(tensor.memory())) < 0) {
    throw bridge::PythonError{};
  }
  return array.release();
}

PyObject* copy_of(const Tensor& tensor) {
  if (!tensor.is_continuous()) {
    const auto view = PyRef::steal(view_of(tensor));
    return checked(PyArray_NewCopy(as_array(view.get()), NPY_CORDER));
  }
  NumpyShape shape{tensor.shape()};
  auto array = PyRef::steal(
      checked(PyArray_SimpleNew(shape.rank, shape.lengths, numpy_type(tensor.type()))));
  copy_bytes(PyArray_DATA(as_array(array.get())), tensor.data(), tensor.byte_size());
  return array.release();
}

PyObject* strings_of(const Tensor& tensor, bool decode) {
  Tensor dense = tensor;
  if (!tensor.is_continuous()) {
    dense = Tensor{ElementType::string, tensor.shape()};
    tensor.copy_to(dense);
  }
  const auto count = static_cast<std::size_t>(dense.size());
  const auto* strings = dense.strings();
  std::vector<PyRef> texts;
  std::size_t longest = 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (!decode) {
      longest = std::max(longest, strings[i].size());
      continue;
    }
    texts.push_back(PyRef::steal(checked(PyUnicode_DecodeUTF8(
        strings[i].data(), static_cast<Py_ssize_t>(strings[i].size()), "replace"))));
    longest = std::max(longest, static_cast<std::size_t>(PyUnicode_GET_LENGTH(texts.back().get())));
  }
  const auto width = decode ? longest * 4 : longest;
  NumpyShape shape{dense.shape()};
  auto array = PyRef::steal(checked(PyArray_New(&PyArray_Type, shape.rank, shape.lengths,
                                                decode ? NPY_UNICODE : NPY_STRING, nullptr, nullptr,
                                                static_cast<int>(width), 0, nullptr)));
  auto* item = static_cast<char*>(PyArray_DATA(as_array(array.get())));
  std::memset(item, 0, width * count);
  for (std::size_t i = 0; i < count; ++i, item += width) {
    if (!decode) {
      std::memcpy(item, strings[i].data(), strings[i].size());
    } else if (PyUnicode_AsUCS4(texts[i].get(), reinterpret_cast<Py_UCS4*>(item),
                                static_cast<Py_ssize_t>(longest), 0) == nullptr) {
      throw bridge::PythonError{};
    }
  }
  return array.release();
}

PyObject* array_from(PyObject* value) {
  if (PyArray_Check(value)) {
    return Py_NewRef(value);
  }
  if (!PyList_Check(value) && !PyTuple_Check(value) && !PyObject_CheckBuffer(value) &&
      PyObject_HasAttrString(value, "__array__") == 0 &&
      PyObject_HasAttrString(value, "__dlpack__") != 0) {
    const auto numpy = PyRef::steal(checked(PyImport_ImportModule("numpy")));
    return checked(PyObject_CallMethod(numpy.get(), "from_dlpack", "O", value));
  }
  return checked(PyArray_FromAny(value, nullptr, 0, 0, 0, nullptr));
}

Shape shape_of(PyObject* object) {
  auto* array = as_array(object);
  const auto* lengths = PyArray_DIMS(array);
  return Shape{std::span<const std::int64_t>{reinterpret_cast<const std::int64_t*>(lengths),
                                             static_cast<std::size_t>(PyArray_NDIM(array))}};
}

Tensor share_array(PyObject* object, ElementType type, const Shape& shape) {
  auto* array = as_array(object);
  auto* kept = bridge::Kept::make(object);
  const std::shared_ptr<void> owner{
      kept, [](void* held) { bridge::Kept::drop(static_cast<bridge::Kept*>(held)); }};
  return Tensor{
      type, shape,
      Memory::wrap(PyArray_DATA(array), bytes_of(array), owner, !PyArray_ISWRITEABLE(array))};
}

Tensor share_array(PyObject* object) {
  auto* array = as_array(object);
  const auto type = element_type_of_numpy(PyArray_TYPE(array));
  const bool bf16 = !type && is_raw_bf16(array);
  if ((!type && !bf16) || type == ElementType::string) {
    throw Error(fmt::format("{} cannot be shared with a tensor", describe_array(object)));
  }
  if (!PyArray_ISCARRAY_RO(array)) {
    throw Error(
        fmt::format("{} cannot be shared with a tensor: it must be C-contiguous, aligned and of "
                    "native byte order",
                    describe_array(object)));
  }
  return share_array(object, bf16 ? ElementType::bf16 : *type, shape_of(object));
}

Tensor copy_array(PyObject* object) {
  auto* array = as_array(object);
  auto type = element_type_of_numpy(PyArray_TYPE(array));
  if (!type) {
    if (!is_raw_bf16(array)) {
      throw Error(
          fmt::format("{} cannot be a tensor: tensors have no such type", describe_array(object)));
    }
    type = ElementType::bf16;
  }
  Tensor tensor{*type, shape_of(object)};
  assign_array(tensor, object);
  return tensor;
}

void assign_array(const Tensor& tensor, PyObject* object) {
  auto* array = as_array(object);
  const auto given = element_type_of_numpy(PyArray_TYPE(array));
  if (tensor.type() == ElementType::string) {
    if (given != ElementType::string && PyArray_TYPE(array) != NPY_OBJECT) {
      throw_type_error(
          fmt::format("a string tensor takes str and bytes, not {}", describe_array(object)));
    }
    auto* target = tensor.strings();
    for_each_item(array, [&](char* item) { *target++ = string_at(array, item); });
    return;
  }
  if (tensor.type() == ElementType::bf16 && tensor.is_continuous()) {
    assign_bf16(tensor, array);
    return;
  }
  if (given && numpy_type(*given) == numpy_type(tensor.type()) && tensor.is_continuous() &&
      PyArray_ISCARRAY_RO(array)) {
    copy_bytes(tensor.data(), PyArray_DATA(array), tensor.byte_size());
    return;
  }
  // numpy casts without asking, and releases the GIL itself. The view has the array's own shape, so
  // that nothing is broadcast.
  const auto view = PyRef::steal(
      view_of(tensor.is_continuous()
                  ? Tensor{tensor.type(), shape_of(object), tensor.memory(),
                           static_cast<std::size_t>(static_cast<std::byte*>(tensor.data()) -
                                                    tensor.memory()->data())}
                  : tensor));
  if (PyArray_CopyInto(as_array(view.get()), array) < 0) {
    throw bridge::PythonError{};
  }
}

void copy_bytes(void* target, const void* source, std::size_t bytes) {
  if (bytes > large) {
    const GilReleased released;
    std::memmove(target, source, bytes);
  } else if (bytes > 0) {
    std::memmove(target, source, bytes);
  }
}

std::string describe_array(PyObject* object) {
  const auto name =
      PyRef::steal(PyObject_Str(reinterpret_cast<PyObject*>(PyArray_DESCR(as_array(object)))));
  const auto* text = name ? PyUnicode_AsUTF8(name.get()) : nullptr;
  if (text == nullptr) {
    PyErr_Clear();
    text = "?";
  }
  const auto shape = shape_of(object);
  const auto* article = std::string_view{"aeio"}.find(*text) == std::string_view::npos ? "a" : "an";
  return shape.empty() ? fmt::format("{} {} scalar", article, text)
                       : fmt::format("{} {} array of shape {}", article, text, shape.to_string());
}

}  // namespace coinfer::python
