#pragma once

#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <vector>

#include "coinfer/tensor.hpp"
#include "serialization/bytes.hpp"

namespace coinfer::serialization {

inline constexpr std::size_t alignment = 64;

/// Large blocks of bytes, laid out one after another, each aligned, equal ones once.
class DataWriter {
 public:
  /// The block's offset in the data.
  std::uint64_t add(std::span<const std::byte> block, MemoryRef owner);
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t sum() const;
  void write(std::ostream& out) const;

 private:
  struct Block {
    std::span<const std::byte> bytes;
    MemoryRef owner;
  };
  /// All bytes in order, the gaps between blocks as zeros.
  template <class Take>
  void each(Take take) const;
  std::vector<Block> blocks_;
  std::map<std::pair<const std::byte*, std::size_t>, std::uint64_t> offsets_;
  std::uint64_t bytes_ = 0;
};

/// The other way round.
class DataReader {
 public:
  /// `memory` from byte `begin` on is the data.
  DataReader(MemoryRef memory, std::size_t begin) : memory_{std::move(memory)}, begin_{begin} {}
  /// Memory over a block; throws ModelFileError when it does not lie in the data.
  MemoryRef at(std::uint64_t offset, std::uint64_t bytes) const;

 private:
  MemoryRef memory_;
  std::size_t begin_;
};

/// How tensors are written: by what `refer` says of one (a number that `resolve` understands), else
/// with their content.
struct TensorWriter {
  Writer& meta;
  DataWriter& data;
  std::function<std::optional<std::uint64_t>(const Tensor&)> refer;
  void put(const Tensor& tensor);
};

struct TensorReader {
  Reader& meta;
  const DataReader& data;
  std::function<Tensor(std::uint64_t)> resolve;
  Tensor get();
};

void put_shape(Writer& meta, const Shape& shape);
Shape get_shape(Reader& meta);
void put_shape(Writer& meta, const PartialShape& shape);
PartialShape get_partial_shape(Reader& meta);
ElementType get_type(Reader& meta);

}  // namespace coinfer::serialization
