#include "coinfer/element_type.hpp"

#include "coinfer/error.hpp"

namespace coinfer {
namespace {

struct Entry {
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<Entry, 15> entries{{{"dynamic", 0},
                                         {"boolean", 1},
                                         {"bf16", 2},
                                         {"f16", 2},
                                         {"f32", 4},
                                         {"f64", 8},
                                         {"i8", 1},
                                         {"i16", 2},
                                         {"i32", 4},
                                         {"i64", 8},
                                         {"u8", 1},
                                         {"u16", 2},
                                         {"u32", 4},
                                         {"u64", 8},
                                         {"string", sizeof(std::string)}}};

}  // namespace

std::size_t size_of(ElementType type) noexcept {
  return entries[static_cast<std::size_t>(type)].bytes;
}

std::string_view name_of(ElementType type) noexcept {
  return entries[static_cast<std::size_t>(type)].name;
}

ElementType element_type(std::string_view name) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].name == name) {
      return static_cast<ElementType>(i);
    }
  }
  throw Error(fmt::format("'{}' is not an element type", name));
}

}  // namespace coinfer
