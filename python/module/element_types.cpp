#include "module/element_types.hpp"

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "module/exceptions.hpp"
#include "module/numpy.hpp"
#include "module/plain_values.hpp"

namespace coinfer::python {
namespace {

using bridge::PyRef;

constexpr std::size_t count = static_cast<std::size_t>(ElementType::string) + 1;
PyObject* type_class = nullptr;  // made at import, under the GIL; never freed
std::array<PyObject*, count> types{};

}  // namespace

void register_element_types() {
  const auto module = PyRef::steal(checked(PyImport_ImportModule("coinfer.element_type")));
  type_class = checked(PyObject_GetAttrString(module.get(), "Type"));
  const auto all = PyRef::steal(checked(PyObject_GetAttrString(module.get(), "ALL")));
  for (std::size_t i = 0; i < count; ++i) {
    types[i] = checked(PySequence_GetItem(all.get(), static_cast<Py_ssize_t>(i)));
  }
}

PyObject* type_object(ElementType type) noexcept { return types[static_cast<std::size_t>(type)]; }

bool is_type(PyObject* object) noexcept {
  return reinterpret_cast<PyObject*>(Py_TYPE(object)) == type_class;
}

ElementType element_type_from(PyObject* object) {
  const auto type = PyRef::steal(checked(PyObject_CallOneArg(type_class, object)));
  for (std::size_t i = 0; i < count; ++i) {
    if (types[i] == type.get()) {
      return static_cast<ElementType>(i);
    }
  }
  const auto name =
      PyRef::steal(checked(PyObject_CallMethod(type.get(), "get_type_name", nullptr)));
  throw Unsupported(
      fmt::format("tensors cannot have the element type {}; only constants of a model can",
                  utf8_of(name.get())));
}

int numpy_type(ElementType type) noexcept {
  switch (type) {
    case ElementType::boolean:
      return NPY_BOOL;
    case ElementType::bf16:
    case ElementType::f16:
      return NPY_FLOAT16;
    case ElementType::f32:
      return NPY_FLOAT32;
    case ElementType::f64:
      return NPY_FLOAT64;
    case ElementType::i8:
      return NPY_INT8;
    case ElementType::i16:
      return NPY_INT16;
    case ElementType::i32:
      return NPY_INT32;
    case ElementType::i64:
      return NPY_INT64;
    case ElementType::u8:
      return NPY_UINT8;
    case ElementType::u16:
      return NPY_UINT16;
    case ElementType::u32:
      return NPY_UINT32;
    case ElementType::u64:
      return NPY_UINT64;
    case ElementType::dynamic:
    case ElementType::string:
      break;
  }
  return NPY_VOID;
}

std::optional<ElementType> element_type_of_numpy(int type) noexcept {
  switch (type) {
    case NPY_BOOL:
      return ElementType::boolean;
    case NPY_FLOAT16:
      return ElementType::f16;
    case NPY_FLOAT32:
      return ElementType::f32;
    case NPY_FLOAT64:
      return ElementType::f64;
    case NPY_INT8:
      return ElementType::i8;
    case NPY_INT16:
      return ElementType::i16;
    case NPY_INT32:
      return ElementType::i32;
    case NPY_INT64:
    case NPY_LONGLONG:
      return ElementType::i64;
    case NPY_UINT8:
      return ElementType::u8;
    case NPY_UINT16:
      return ElementType::u16;
    case NPY_UINT32:
      return ElementType::u32;
    case NPY_UINT64:
    case NPY_ULONGLONG:
      return ElementType::u64;
    case NPY_STRING:
    case NPY_UNICODE:
      return ElementType::string;
    default:
      return std::nullopt;
  }
}

}  // namespace coinfer::python
