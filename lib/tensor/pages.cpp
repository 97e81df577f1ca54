#include "tensor/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace coinfer {

std::size_t machine_memory() noexcept {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                            static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

std::span<std::byte> whole_pages(std::byte* memory, std::size_t bytes) noexcept {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(memory);
  const auto begin = (first + page - 1) / page * page;
  const auto end = (first + bytes) / page * page;
  return begin < end ? std::span{memory + (begin - first), end - begin} : std::span<std::byte>{};
}

void make_present(std::byte* memory, std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
  constexpr std::size_t worth_a_call = std::size_t{64} << 10;
  if (bytes < worth_a_call) {
    return;
  }
  // Kernels before 5.14 refuse, and the pages come one by one.
  const auto before = errno;
  const auto pages = whole_pages(memory, bytes);
  ::madvise(pages.data(), pages.size(), MADV_POPULATE_WRITE);
  errno = before;
#else
  static_cast<void>(memory);
  static_cast<void>(bytes);
#endif
}

}  // namespace coinfer
