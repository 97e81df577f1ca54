#include "tensor/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace coinfer {

void make_present(void* memory, std::size_t bytes) noexcept {
#ifdef MADV_POPULATE_WRITE
  constexpr std::size_t worth_a_call = std::size_t{64} << 10;
  if (bytes < worth_a_call) {
    return;
  }
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / page * page;
  // Kernels before 5.14 refuse, and the pages come one by one.
  const auto before = errno;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
  errno = before;
#else
  static_cast<void>(memory);
  static_cast<void>(bytes);
#endif
}

}  // namespace coinfer
