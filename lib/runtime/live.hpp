#pragma once

#include <atomic>
#include <cstdint>

/// Counters of native objects, so that tests can see that everything was released.
namespace coinfer::runtime::live {

inline std::atomic<std::int64_t> operations{0};
inline std::atomic<std::int64_t> requests{0};
inline std::atomic<std::int64_t> compiled_models{0};

}  // namespace coinfer::runtime::live
