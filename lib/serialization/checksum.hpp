#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace coinfer::serialization {

/// A 64-bit checksum against damage, not against forgery; the same on every machine.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes);
  std::uint64_t finish();

 private:
  std::vector<std::byte> partial_;
  std::vector<std::uint64_t> sums_;
  std::uint64_t total_ = 0;
};

/// That of all bytes at once; `threads` of the current arena share the work.
std::uint64_t checksum(std::span<const std::byte> bytes, int threads = 1);

}  // namespace coinfer::serialization
