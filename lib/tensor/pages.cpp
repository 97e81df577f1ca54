#include "tensor/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace coinfer {

std::size_t page_bytes() noexcept {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

std::size_t machine_memory() noexcept {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * page_bytes();
  return bytes;
}

namespace {

std::span<std::byte> whole_pages(std::span<std::byte> memory) noexcept {
  const auto page = page_bytes();
  const auto first = reinterpret_cast<std::uintptr_t>(memory.data());
  const auto begin = (first + page - 1) / page * page;
  const auto end = (first + memory.size()) / page * page;
  return begin < end ? memory.subspan(begin - first, end - begin) : std::span<std::byte>{};
}

void advise(std::span<std::byte> pages, int advice) noexcept {
  if (!pages.empty()) {
    const auto before = errno;
    ::madvise(pages.data(), pages.size(), advice);
    errno = before;
  }
}

}  // namespace

void drop_whole_pages(std::span<std::byte> memory) noexcept {
  advise(whole_pages(memory), MADV_DONTNEED);
}

void make_present(void* memory, std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
  constexpr std::size_t worth_a_call = std::size_t{64} << 10;
  if (bytes >= worth_a_call) {
    // Kernels before 5.14 refuse, and the pages come one by one.
    advise(whole_pages({static_cast<std::byte*>(memory), bytes}), MADV_POPULATE_WRITE);
  }
#else
  static_cast<void>(memory);
  static_cast<void>(bytes);
#endif
}

}  // namespace coinfer
