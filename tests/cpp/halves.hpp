#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

/// Numbers of bf16 for tests of kernels.
namespace coinfer::reference {

using Halves = std::vector<std::uint16_t>;

inline float widened(std::uint16_t half) {
  const auto bits = static_cast<std::uint32_t>(half) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// Numbers that bf16 has exactly.
inline Halves halves(std::int64_t count, unsigned seed) {
  std::mt19937 random{seed};
  std::normal_distribution<float> normal;
  Halves values(static_cast<std::size_t>(count));
  for (auto& value : values) {
    const auto number = normal(random);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &number, sizeof(bits));
    value = static_cast<std::uint16_t>(bits >> 16);
  }
  return values;
}

/// Memory that starts at a multiple of 64.
class Aligned {
 public:
  explicit Aligned(std::int64_t bytes) : memory_(static_cast<std::size_t>(bytes) + 128) {
    auto space = memory_.size();
    start_ = memory_.data();
    std::align(64, static_cast<std::size_t>(bytes), start_, space);
  }
  void* data() const { return start_; }

 private:
  std::vector<std::byte> memory_;
  void* start_;
};

}  // namespace coinfer::reference
