#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace coinfer::runtime {

/// Sleeps while `word` holds `expected`, until woken, interrupted by a signal or the timeout. The
/// caller looks at the word again.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::optional<std::chrono::nanoseconds> timeout = std::nullopt) noexcept;
/// Wakes all that sleep on the word.
void futex_wake(const std::atomic<std::uint32_t>& word) noexcept;

}  // namespace coinfer::runtime
