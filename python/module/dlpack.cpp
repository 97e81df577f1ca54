#include "module/dlpack.hpp"

#include "asyncio_bridge/gil.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {
namespace {

// The structures of https://dmlc.github.io/dlpack/latest/c_api.html
struct DLDevice {
  std::int32_t device_type;
  std::int32_t device_id;
};
struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);
};
struct DLManagedTensorVersioned {
  std::uint32_t major;
  std::uint32_t minor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);
  std::uint64_t flags;
  DLTensor dl_tensor;
};

constexpr std::int32_t cpu = 1;
constexpr std::uint64_t read_only_flag = 1;
enum Code : std::uint8_t {
  signed_integer = 0,
  unsigned_integer = 1,
  real = 2,
  bfloat = 4,
  boolean = 6
};

template <class Managed>
constexpr const char* capsule_name =
    std::is_same_v<Managed, DLManagedTensor> ? "dltensor" : "dltensor_versioned";

DLDataType data_type(ElementType type) {
  const auto bits = static_cast<std::uint8_t>(size_of(type) * 8);
  const auto code = type == ElementType::bf16      ? bfloat
                    : type == ElementType::boolean ? boolean
                    : is_floating(type)            ? real
                    : type >= ElementType::u8      ? unsigned_integer
                                                   : signed_integer;
  return {code, bits, 1};
}

/// What the consumer's deleter frees, on any thread.
template <class Managed>
struct Export {
  Managed managed{};
  MemoryRef memory;
  Dims shape;
  Dims strides;  // in elements

  explicit Export(const Tensor& tensor)
      : memory{tensor.memory()}, shape{tensor.shape()}, strides{tensor.strides()} {
    for (auto& stride : strides) {
      stride /= static_cast<std::int64_t>(size_of(tensor.type()));
    }
    managed.dl_tensor = {tensor.data(),
                         {cpu, 0},
                         static_cast<std::int32_t>(shape.size()),
                         data_type(tensor.type()),
                         shape.data(),
                         strides.data(),
                         0};
    managed.manager_ctx = this;
    managed.deleter = [](Managed* self) { delete static_cast<Export*>(self->manager_ctx); };
    if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) {
      managed.major = 1;
      managed.flags = tensor.read_only() ? read_only_flag : 0;
    }
  }
};

template <class Managed>
PyObject* capsule(const Tensor& tensor) {
  auto made = std::make_unique<Export<Managed>>(tensor);
  auto* object =
      checked(PyCapsule_New(&made->managed, capsule_name<Managed>, [](PyObject* capsule) {
        // A consumer renames the capsule, and frees the tensor itself.
        if (PyCapsule_IsValid(capsule, capsule_name<Managed>) != 0) {
          auto* managed =
              static_cast<Managed*>(PyCapsule_GetPointer(capsule, capsule_name<Managed>));
          managed->deleter(managed);
        }
      }));
  static_cast<void>(made.release());
  return object;
}

}  // namespace

PyObject* dlpack_capsule(const Tensor& tensor, bool versioned) {
  if (tensor.type() == ElementType::string || size_of(tensor.type()) == 0) {
    PyErr_Format(PyExc_BufferError, "DLPack has no element type %s",
                 std::string{name_of(tensor.type())}.c_str());
    throw bridge::PythonError{};
  }
  if (versioned) {
    return capsule<DLManagedTensorVersioned>(tensor);
  }
  if (tensor.read_only()) {
    PyErr_SetString(PyExc_BufferError,
                    "the tensor is read-only, which DLPack says from version 1 on only; ask with "
                    "max_version=(1, 0), or with copy=True");
    throw bridge::PythonError{};
  }
  return capsule<DLManagedTensor>(tensor);
}

}  // namespace coinfer::python
