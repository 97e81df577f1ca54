#include "serialization/checksum.hpp"

#include <array>
#include <cstring>

#include "kernels/parallel.hpp"

namespace coinfer::serialization {
namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20U;
constexpr std::uint64_t odd = 0x9E3779B97F4A7C15U;  // 2^64 / the golden ratio

constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a ^ odd) * (b | 1U);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

std::uint64_t word_at(const std::byte* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Four chains, so that the multiplications of one do not wait for another's.
std::uint64_t of_block(std::span<const std::byte> bytes, std::uint64_t seed) {
  std::array<std::uint64_t, 4> lanes{seed, seed + odd, seed ^ odd, ~seed};
  std::size_t i = 0;
  for (; i + 32 <= bytes.size(); i += 32) {
    for (std::size_t k = 0; k < lanes.size(); ++k) {
      const auto word = word_at(bytes.data() + i + k * 8);
      lanes[k] = (lanes[k] ^ word) * odd;
      lanes[k] ^= lanes[k] >> 29U;
    }
  }
  std::array<std::byte, 32> rest{};
  std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(i), bytes.end(), rest.begin());
  auto sum = mix(seed, bytes.size());
  for (std::size_t k = 0; k < lanes.size(); ++k) {
    sum = mix(sum, lanes[k] ^ word_at(rest.data() + k * 8));
  }
  return sum;
}

std::uint64_t of_sums(std::span<const std::uint64_t> sums, std::uint64_t total) {
  return of_block(std::as_bytes(sums), total);
}

}  // namespace

void Checksum::add(std::span<const std::byte> bytes) {
  total_ += bytes.size();
  while (!bytes.empty()) {
    if (partial_.empty() && bytes.size() >= block_bytes) {
      sums_.push_back(of_block(bytes.first(block_bytes), sums_.size()));
      bytes = bytes.subspan(block_bytes);
      continue;
    }
    const auto count = std::min(block_bytes - partial_.size(), bytes.size());
    partial_.insert(partial_.end(), bytes.begin(),
                    bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (partial_.size() == block_bytes) {
      sums_.push_back(of_block(partial_, sums_.size()));
      partial_.clear();
    }
  }
}

std::uint64_t Checksum::finish() {
  if (!partial_.empty()) {
    sums_.push_back(of_block(partial_, sums_.size()));
    partial_.clear();
  }
  return of_sums(sums_, total_);
}

std::uint64_t checksum(std::span<const std::byte> bytes, int threads) {
  const auto blocks = (bytes.size() + block_bytes - 1) / block_bytes;
  std::vector<std::uint64_t> sums(blocks);
  kernels::parallel(
      static_cast<std::int64_t>(blocks), 4, threads, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          const auto at = i * block_bytes;
          sums[i] = of_block(bytes.subspan(at, std::min(block_bytes, bytes.size() - at)), i);
        }
      });
  return of_sums(sums, bytes.size());
}

}  // namespace coinfer::serialization
