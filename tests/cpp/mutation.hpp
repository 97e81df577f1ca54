#pragma once

#include <array>
#include <random>
#include <string>

namespace coinfer::test {

/// Damages bytes in a way that depends only on the state of `random`: flips, cuts, repeats, splices
/// and numbers that are likely to be at a limit.
inline std::string mutate(std::string bytes, const std::string& other, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  const auto rounds = 1 + below(4);
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto at = below(bytes.size());
    const auto length = below(std::min<std::size_t>(bytes.size() - at, 64) + 1);
    switch (below(8)) {
      case 0:
      case 1:
        if (!bytes.empty()) {
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        }
        break;
      case 2:
        if (!bytes.empty()) {
          bytes[at] = static_cast<char>(random());
        }
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(at, length);
        break;
      case 5:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 6: {
        const auto from = below(other.size());
        bytes.replace(at, length, other.substr(from, below(256)));
        break;
      }
      default: {
        static const std::array<std::string, 7> numbers{
            std::string(1, '\0'),
            std::string(1, '\x7f'),
            std::string("\xff\xff\xff\xff\x07"),                      // 2^31 - 1
            std::string("\xff\xff\xff\xff\x0f"),                      // 2^32 - 1
            std::string("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),      // 2^63 - 1
            std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  // -1
            std::string("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),  // -2^63
        };
        const auto& number = numbers[below(numbers.size())];
        bytes.replace(at, std::min(length, number.size()), number);
        break;
      }
    }
  }
  return bytes;
}

}  // namespace coinfer::test
