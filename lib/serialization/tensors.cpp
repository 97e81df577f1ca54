#include "serialization/tensors.hpp"

#include "serialization/checksum.hpp"

namespace coinfer::serialization {
namespace {

constexpr std::uint64_t max_rank = 64;
enum class Form : std::uint8_t { null, reference, strings, bytes };

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

std::uint64_t DataWriter::add(std::span<const std::byte> block, MemoryRef owner) {
  const auto [found, fresh] = offsets_.emplace(std::pair{block.data(), block.size()}, bytes_);
  if (fresh) {
    blocks_.push_back({block, std::move(owner)});
    bytes_ = aligned(bytes_ + block.size());
  }
  return found->second;
}

template <class Take>
void DataWriter::each(Take take) const {
  static constexpr std::array<std::byte, alignment> zeros{};
  for (const auto& block : blocks_) {
    take(block.bytes);
    take(std::span{zeros}.first(aligned(block.bytes.size()) - block.bytes.size()));
  }
}

std::uint64_t DataWriter::sum() const {
  Checksum sum;
  each([&](std::span<const std::byte> bytes) { sum.add(bytes); });
  return sum.finish();
}

void DataWriter::write(std::ostream& out) const {
  each([&](std::span<const std::byte> bytes) {
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  });
}

MemoryRef DataReader::at(std::uint64_t offset, std::uint64_t bytes) const {
  const auto room = memory_->bytes() - begin_;
  if (offset % alignment != 0 || offset > room || bytes > room - offset) {
    Reader::fail();
  }
  return Memory::wrap(memory_->data() + begin_ + offset, static_cast<std::size_t>(bytes),
                      std::const_pointer_cast<Memory>(memory_), true);
}

void TensorWriter::put(const Tensor& tensor) {
  if (!tensor) {
    meta.put(Form::null);
    return;
  }
  if (const auto number = refer ? refer(tensor) : std::nullopt) {
    meta.put(Form::reference);
    meta.put(*number);
    meta.put(tensor.type());
    put_shape(meta, tensor.shape());
    return;
  }
  if (tensor.type() == ElementType::string) {
    meta.put(Form::strings);
    put_shape(meta, tensor.shape());
    meta.list(std::span{tensor.strings(), static_cast<std::size_t>(tensor.size())});
    return;
  }
  meta.put(Form::bytes);
  meta.put(tensor.type());
  put_shape(meta, tensor.shape());
  Tensor dense = tensor;
  if (!tensor.is_continuous()) {
    dense = Tensor{tensor.type(), tensor.shape()};
    tensor.copy_to(dense);
  }
  meta.put(
      data.add({static_cast<const std::byte*>(dense.data()), dense.byte_size()}, dense.memory()));
}

Tensor TensorReader::get() {
  switch (meta.choice(Form::bytes)) {
    case Form::null:
      return {};
    case Form::reference: {
      const auto number = meta.get<std::uint64_t>();
      const auto type = get_type(meta);
      const auto shape = get_shape(meta);
      auto tensor = resolve ? resolve(number) : Tensor{};
      if (!tensor || tensor.type() != type || tensor.shape() != shape) {
        Reader::fail();
      }
      return tensor;
    }
    case Form::strings: {
      const auto shape = get_shape(meta);
      const auto texts = meta.list<std::string>();
      if (shape.elements() != static_cast<std::int64_t>(texts.size())) {
        Reader::fail();
      }
      Tensor tensor{ElementType::string, shape};
      std::copy(texts.begin(), texts.end(), tensor.strings());
      return tensor;
    }
    case Form::bytes:
      break;
  }
  const auto type = get_type(meta);
  const auto shape = get_shape(meta);
  const auto offset = meta.get<std::uint64_t>();
  const auto size = static_cast<std::uint64_t>(size_of(type));
  const auto elements = static_cast<std::uint64_t>(shape.elements());
  if (size == 0 || type == ElementType::string ||
      elements > std::numeric_limits<std::int64_t>::max() / size) {
    Reader::fail();
  }
  return Tensor{type, shape, data.at(offset, elements * size)};
}

void put_shape(Writer& meta, const Shape& shape) { meta.list(shape); }

Shape get_shape(Reader& meta) {
  Shape shape;
  for (auto rank = meta.below<std::uint64_t>(max_rank); rank > 0; --rank) {
    const auto length = meta.get<std::int64_t>();
    if (length < 0) {
      Reader::fail();
    }
    shape.push_back(length);
  }
  shape.elements();  // throws when it does not fit
  return shape;
}

void put_shape(Writer& meta, const PartialShape& shape) {
  meta.put(shape.has_rank());
  meta.list(shape.dimensions(), [&](Dimension dimension) {
    meta.put(dimension.min_length());
    meta.put(dimension.max_length());
  });
}

PartialShape get_partial_shape(Reader& meta) {
  const auto has_rank = meta.get<bool>();
  PartialShape::Dimensions dimensions;
  for (auto rank = meta.below<std::uint64_t>(max_rank); rank > 0; --rank) {
    const auto least = meta.get<std::int64_t>();
    const auto most = meta.get<std::int64_t>();
    if (least < 0 || most < least) {
      Reader::fail();
    }
    dimensions.push_back(Dimension{least, most});
  }
  return has_rank ? PartialShape{std::move(dimensions)} : PartialShape::dynamic();
}

ElementType get_type(Reader& meta) { return meta.choice(ElementType::string); }

}  // namespace coinfer::serialization
