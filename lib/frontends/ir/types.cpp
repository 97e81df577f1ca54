#include "frontends/ir/types.hpp"

#include <charconv>

#include "coinfer/error.hpp"
#include "frontends/mapped_file.hpp"

namespace coinfer::frontends::ir {
namespace {

std::size_t size_attribute(const Layer& layer, const char* name) {
  const std::string_view text = layer.data.attribute(name).value();
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    throw ModelFileError(
        fmt::format("{} has {}='{}', which is no size", layer.title(), name, text));
  }
  return value;
}

/// Two values a byte, the lower half first.
Tensor unpack_nibbles(const std::byte* bytes, ElementType type, const Shape& shape) {
  Tensor tensor{type, shape};
  auto* out = tensor.data<std::uint8_t>();
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(bytes[i / 2]);
    const auto half = i % 2 == 0 ? byte & 15U : byte >> 4;
    const bool negative = type == ElementType::i8 && half > 7;
    out[i] = static_cast<std::uint8_t>(negative ? half | 0xf0U : half);
  }
  return tensor;
}

/// Eight values a byte, the highest bit first.
Tensor unpack_bits(const std::byte* bytes, ElementType type, const Shape& shape) {
  Tensor tensor{type, shape};
  auto* out = tensor.data<std::uint8_t>();
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    out[i] = std::to_integer<std::uint8_t>(bytes[i / 8] >> (7 - i % 8)) & 1U;
  }
  return tensor;
}

/// A count, count + 1 offsets (32 bit each), then the characters.
Tensor unpack_strings(std::span<const std::byte> bytes, const Shape& shape, const Layer& layer) {
  Tensor tensor{ElementType::string, shape};
  const auto count = static_cast<std::size_t>(tensor.size());
  const auto word = [&](std::size_t i) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + 4 * i, 4);
    return std::size_t{value};
  };
  if (count > bytes.size() / 4 || bytes.size() < 4 * (count + 2) || word(0) != count) {
    throw ModelFileError(
        fmt::format("{}: its {} bytes do not hold {} strings", layer.title(), bytes.size(), count));
  }
  const auto chars = bytes.subspan(4 * (count + 2));
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = word(i + 1);
    const auto end = word(i + 2);
    if (begin > end || end > chars.size()) {
      throw ModelFileError(fmt::format("{}: its string {} lies at bytes {} to {} of {}",
                                       layer.title(), i, begin, end, chars.size()));
    }
    tensor.strings()[i].assign(reinterpret_cast<const char*>(chars.data()) + begin, end - begin);
  }
  return tensor;
}

}  // namespace

ElementType element_type_of(std::string_view text, std::string_view what) {
  if (text.empty() || text == "dynamic" || text == "undefined") {
    return ElementType::dynamic;
  }
  if (text == "u4" || text == "u1") {
    return ElementType::u8;
  }
  if (text == "i4") {
    return ElementType::i8;
  }
  for (auto i = static_cast<int>(ElementType::boolean); i <= static_cast<int>(ElementType::string);
       ++i) {
    if (name_of(static_cast<ElementType>(i)) == text) {
      return static_cast<ElementType>(i);
    }
  }
  throw Unsupported(
      fmt::format("{} has the element type '{}', which is not supported", what, text));
}

Tensor read_constant(const Layer& layer, const MemoryRef& weights) {
  const auto title = layer.title();
  const std::string_view text = layer.data.attribute("element_type").value();
  const auto type = element_type_of(text, title);
  if (type == ElementType::dynamic) {
    throw ModelFileError(fmt::format("{} has no element type", title));
  }
  Shape shape;
  std::int64_t elements = 0;
  try {
    shape = PartialShape::parse(layer.data.attribute("shape").value()).to_shape();
    elements = shape.elements();
  } catch (const Error& error) {
    throw ModelFileError(fmt::format("{}: {}", title, error.what()));
  }
  const auto offset = size_attribute(layer, "offset");
  const auto size = size_attribute(layer, "size");
  const auto available = weights ? weights->bytes() : 0;
  if (offset > available || size > available - offset) {
    throw ModelFileError(
        fmt::format("{} lies at byte {} of the weights and has {} bytes; the weights have {}{}",
                    title, offset, size, available, weights ? "" : ": none were given"));
  }
  const std::span bytes{weights ? weights->data() + offset : nullptr, size};
  if (type == ElementType::string) {
    // Each string needs four bytes of its own: a count beyond them is refused before memory is
    // taken.
    if (static_cast<std::size_t>(elements) > size / 4) {
      throw ModelFileError(fmt::format("{} has {} bytes for {} strings", title, size, elements));
    }
    return unpack_strings(bytes, shape, layer);
  }
  const std::int64_t per_byte = text == "u1" ? 8 : text == "u4" || text == "i4" ? 2 : 1;
  std::int64_t needed = elements;
  if (per_byte > 1) {
    needed = elements / per_byte + (elements % per_byte != 0 ? 1 : 0);
  } else if (__builtin_mul_overflow(elements, static_cast<std::int64_t>(size_of(type)), &needed)) {
    throw ModelFileError(fmt::format("{} of shape {} is too large", title, shape.to_string()));
  }
  // A constant without elements may have bytes that mean nothing.
  if (size != static_cast<std::size_t>(needed) && elements != 0) {
    throw ModelFileError(fmt::format("{}, {} of shape {}, needs {} bytes; it has {}", title, text,
                                     shape.to_string(), needed, size));
  }
  if (per_byte > 1) {
    return per_byte == 8 ? unpack_bits(bytes.data(), type, shape)
                         : unpack_nibbles(bytes.data(), type, shape);
  }
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0;
  if (elements == 0) {
    return Tensor{type, shape};
  }
  if (aligned && type != ElementType::boolean) {
    return Tensor{type, shape, weights, offset};
  }
  Tensor copy{type, shape};
  if (type == ElementType::boolean) {
    std::transform(bytes.begin(), bytes.end(), copy.data<std::byte>(),
                   [](std::byte value) { return std::byte{value != std::byte{0}}; });
  } else {
    copy_out(bytes.first(size), copy.data());
  }
  return copy;
}

}  // namespace coinfer::frontends::ir
