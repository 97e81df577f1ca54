#pragma once

#include <cstddef>
#include <span>

namespace coinfer {

/// Bytes of memory that the machine has in all.
std::size_t machine_memory() noexcept;

/// The pages that lie in this memory as a whole.
std::span<std::byte> whole_pages(std::byte* memory, std::size_t bytes) noexcept;

/// Makes the whole pages of memory that is about to be written present, by one call of the system:
/// faults that come one by one take about twice that. Without effect on what the memory holds.
void make_present(std::byte* memory, std::size_t bytes) noexcept;

}  // namespace coinfer
