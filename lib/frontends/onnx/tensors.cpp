#include "frontends/onnx/tensors.hpp"

#include <charconv>

#include "coinfer/error.hpp"
#include "frontends/mapped_file.hpp"
#include "frontends/onnx/types.hpp"

namespace coinfer::frontends::onnx {
namespace {

Shape shape_of(const pb::TensorProto& head, std::string_view what) {
  Shape shape;
  for (const auto dim : head.dims()) {
    if (dim < 0) {
      throw ModelFileError(fmt::format("{} has the negative dimension {}", what, dim));
    }
    shape.push_back(dim);
  }
  return shape;
}

/// Bytes of the dense tensor; throws when they do not fit in 63 bits.
std::size_t bytes_needed(ElementType type, const Shape& shape, std::string_view what) {
  std::int64_t bytes = 0;
  try {
    bytes = shape.elements();
  } catch (const Error& error) {
    throw ModelFileError(fmt::format("{}: {}", what, error.what()));
  }
  if (__builtin_mul_overflow(bytes, static_cast<std::int64_t>(size_of(type)), &bytes)) {
    throw ModelFileError(fmt::format("{} of shape {} is too large", what, shape.to_string()));
  }
  return static_cast<std::size_t>(bytes);
}

void check_count(std::int64_t count, const Shape& shape, std::string_view field,
                 std::string_view what) {
  if (count != shape.elements()) {
    throw ModelFileError(fmt::format("{} of shape {} needs {} elements; its {} has {}", what,
                                     shape.to_string(), shape.elements(), field, count));
  }
}

/// Bytes that are neither 0 nor 1 are no bools.
void normalise(std::byte* begin, std::size_t count) {
  std::transform(begin, begin + count, begin,
                 [](std::byte value) { return std::byte{value != std::byte{0}}; });
}

/// `bytes` lie in `memory` and have the right length.
Tensor over(const MemoryRef& memory, Bytes bytes, ElementType type, Shape shape) {
  const auto align = size_of(type);
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % align == 0;
  const bool clean = type != ElementType::boolean ||
                     std::all_of(bytes.begin(), bytes.end(),
                                 [](std::byte value) { return value <= std::byte{1}; });
  if (aligned && clean && !bytes.empty()) {
    const auto offset = static_cast<std::size_t>(bytes.data() - memory->data());
    return Tensor{type, std::move(shape), memory, offset};
  }
  Tensor copy{type, std::move(shape)};
  copy_out(bytes, copy.data());
  if (!clean) {
    normalise(copy.data<std::byte>(), bytes.size());
  }
  return copy;
}

template <class T, class Field>
Tensor from_field(const Field& field, ElementType type, Shape shape, std::string_view name,
                  std::string_view what) {
  check_count(field.size(), shape, name, what);
  Tensor tensor{type, std::move(shape)};
  std::transform(field.begin(), field.end(), tensor.data<T>(),
                 [](auto value) { return static_cast<T>(value); });
  return tensor;
}

Tensor from_typed_fields(const pb::TensorProto& head, ElementType type, Shape shape,
                         std::string_view what) {
  const auto int32 = [&]<class T>(T) {
    return from_field<T>(head.int32_data(), type, std::move(shape), "int32_data", what);
  };
  const auto uint64 = [&]<class T>(T) {
    return from_field<T>(head.uint64_data(), type, std::move(shape), "uint64_data", what);
  };
  switch (type) {
    case ElementType::f32:
      return from_field<float>(head.float_data(), type, std::move(shape), "float_data", what);
    case ElementType::f64:
      return from_field<double>(head.double_data(), type, std::move(shape), "double_data", what);
    case ElementType::i64:
      return from_field<std::int64_t>(head.int64_data(), type, std::move(shape), "int64_data",
                                      what);
    case ElementType::u32:
      return uint64(std::uint32_t{});
    case ElementType::u64:
      return uint64(std::uint64_t{});
    case ElementType::i32:
      return int32(std::int32_t{});
    case ElementType::i16:
      return int32(std::int16_t{});
    case ElementType::i8:
      return int32(std::int8_t{});
    case ElementType::u16:
    case ElementType::f16:
    case ElementType::bf16:
      return int32(std::uint16_t{});
    case ElementType::u8:
      return int32(std::uint8_t{});
    case ElementType::boolean:
      return int32(bool{});
    case ElementType::string: {
      check_count(head.string_data_size(), shape, "string_data", what);
      Tensor tensor{type, std::move(shape)};
      std::copy(head.string_data().begin(), head.string_data().end(), tensor.strings());
      return tensor;
    }
    case ElementType::dynamic:
      break;
  }
  throw ModelFileError(fmt::format("{} has no element type", what));
}

std::size_t number(const std::string& text, std::string_view key, std::string_view what) {
  std::size_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) {
    throw ModelFileError(
        fmt::format("{} has the external data {} '{}', which is no size", what, key, text));
  }
  return value;
}

}  // namespace

Tensor TensorReader::read(const TensorView& view, std::string_view what) {
  if (!view.read) {
    view.read = read_new(view, what);
  }
  return view.read;
}

Tensor TensorReader::read_new(const TensorView& view, std::string_view what) {
  const auto& head = view.head;
  if (head.has_segment()) {
    throw Unsupported(fmt::format("{} is a segment of a tensor, which is not supported", what));
  }
  const auto type = element_type_of(head.data_type(), what);
  auto shape = shape_of(head, what);
  const auto needed = bytes_needed(type, shape, what);
  if (head.data_location() == pb::TensorProto::EXTERNAL) {
    return read_external(head, type, std::move(shape), what);
  }
  if (!view.has_raw) {
    return from_typed_fields(head, type, std::move(shape), what);
  }
  if (type == ElementType::string) {
    throw ModelFileError(
        fmt::format("{} holds strings as raw_data; they belong in string_data", what));
  }
  if (view.raw.size() != needed) {
    throw ModelFileError(fmt::format("{}, {} of shape {}, needs {} bytes; its raw_data has {}",
                                     what, name_of(type), shape.to_string(), needed,
                                     view.raw.size()));
  }
  return over(file_, view.raw, type, std::move(shape));
}

Tensor TensorReader::read_external(const pb::TensorProto& head, ElementType type, Shape shape,
                                   std::string_view what) {
  if (type == ElementType::string) {
    throw ModelFileError(
        fmt::format("{} holds strings as external data, which ONNX forbids", what));
  }
  const auto needed = bytes_needed(type, shape, what);
  std::string location;
  std::size_t offset = 0;
  std::size_t length = needed;
  for (const auto& entry : head.external_data()) {
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset") {
      offset = number(entry.value(), "offset", what);
    } else if (entry.key() == "length") {
      length = number(entry.value(), "length", what);
    }
  }
  MemoryRef memory;
  try {
    memory = external_.open(location);
  } catch (const ModelFileError& error) {
    throw ModelFileError(fmt::format("{}: {}", what, error.what()));
  }
  if (length != needed) {
    throw ModelFileError(fmt::format("{}, {} of shape {}, needs {} bytes; its external data has {}",
                                     what, name_of(type), shape.to_string(), needed, length));
  }
  if (offset > memory->bytes() || length > memory->bytes() - offset) {
    throw ModelFileError(
        fmt::format("{} lies at bytes {} to {} of its external data file '{}', which has {}", what,
                    offset, offset + length, location, memory->bytes()));
  }
  return over(memory, Bytes{memory->data() + offset, length}, type, std::move(shape));
}

}  // namespace coinfer::frontends::onnx
