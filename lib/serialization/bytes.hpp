#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "coinfer/error.hpp"

/// Numbers and texts as bytes: little-endian, unaligned, texts and lists with their length before
/// them.
namespace coinfer::serialization {

class Writer {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
  }
  void put(std::string_view text) {
    put<std::uint64_t>(text.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), bytes, bytes + text.size());
  }
  void put(const std::string& text) { put(std::string_view{text}); }
  void put(std::span<const std::byte> bytes) {
    put(std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  /// The length, then `put_one` for each.
  template <class Range, class PutOne>
  void list(const Range& range, PutOne put_one) {
    put<std::uint64_t>(std::size(range));
    for (const auto& item : range) {
      put_one(item);
    }
  }
  template <class Range>
  void list(const Range& range) {
    list(range, [this](const auto& item) { this->put(item); });
  }

  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads what a Writer wrote; everything is checked, because the bytes may be anything. Throws
/// ModelFileError.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_{bytes} {}

  template <class T>
  T get() {
    if constexpr (std::is_same_v<T, std::string>) {
      const auto text = take(length());
      return {reinterpret_cast<const char*>(text.data()), text.size()};
    } else if constexpr (std::is_same_v<T, bool>) {
      return below<std::uint8_t>(2) != 0;
    } else {
      static_assert(std::is_arithmetic_v<T>);
      T value;
      std::memcpy(&value, take(sizeof value).data(), sizeof value);
      return value;
    }
  }
  /// A number that must be less than `limit`.
  template <class T>
  T below(std::uint64_t limit) {
    const auto value = get<T>();
    if (static_cast<std::uint64_t>(value) >= limit) {
      fail();
    }
    return value;
  }
  template <class Enum>
  Enum choice(Enum last) {
    using Number = std::underlying_type_t<Enum>;
    return static_cast<Enum>(
        below<std::make_unsigned_t<Number>>(static_cast<std::uint64_t>(last) + 1));
  }
  /// A list's length, which each of its items needs at least one byte for.
  std::size_t length() {
    const auto count = get<std::uint64_t>();
    if (count > bytes_.size()) {
      fail();
    }
    return static_cast<std::size_t>(count);
  }
  template <class T>
  std::vector<T> list() {
    std::vector<T> items;
    for (auto count = length(); count > 0; --count) {
      items.push_back(get<T>());
    }
    return items;
  }
  bool at_end() const { return bytes_.empty(); }

  [[noreturn]] static void fail() { throw ModelFileError("the exported model is damaged"); }

 private:
  std::span<const std::byte> take(std::size_t count) {
    if (count > bytes_.size()) {
      fail();
    }
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

  std::span<const std::byte> bytes_;
};

}  // namespace coinfer::serialization
