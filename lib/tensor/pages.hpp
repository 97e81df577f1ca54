#pragma once

#include <cstddef>
#include <span>

namespace coinfer {

/// Bytes of a page.
std::size_t page_bytes() noexcept;

/// Bytes of memory that the machine has in all.
std::size_t machine_memory() noexcept;

/// Gives the pages that lie in this memory as a whole back to the system: what they hold is lost,
/// or, of a mapped file, read again when it is needed. What lies beside them stays.
void drop_whole_pages(std::span<std::byte> memory) noexcept;

/// Makes the whole pages of memory that is about to be written present, by one call of the system:
/// faults that come one by one take about twice that. Without effect on what the memory holds.
void make_present(void* memory, std::size_t bytes) noexcept;

}  // namespace coinfer
