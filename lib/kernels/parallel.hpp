#pragma once

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COINFER_THREAD_SANITIZER 1
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif
#endif

namespace coinfer::kernels {

/// Calls body(begin, end) for parts of [0, count) that have at least `grain` items, on the threads
/// of the current arena; inline when `threads` is 1 or the count is small. `body` must not throw.
template <class Body>
void parallel(std::int64_t count, std::int64_t grain, int threads, const Body& body) {
  if (count <= 0) {
    return;
  }
  if (threads <= 1 || count <= grain) {
    body(std::int64_t{0}, count);
    return;
  }
  const auto parts = std::min<std::int64_t>(threads, (count + grain - 1) / grain);
#ifdef COINFER_THREAD_SANITIZER
  // TBB is not instrumented: its fork and join are told to the sanitizer here.
  int fork = 0;
  int join = 0;
  __tsan_release(&fork);
#endif
  tbb::parallel_for(
      tbb::blocked_range<std::int64_t>(0, parts, 1),
      [&](const tbb::blocked_range<std::int64_t>& range) {
#ifdef COINFER_THREAD_SANITIZER
        __tsan_acquire(&fork);
#endif
        for (auto part = range.begin(); part != range.end(); ++part) {
          body(count * part / parts, count * (part + 1) / parts);
        }
#ifdef COINFER_THREAD_SANITIZER
        __tsan_release(&join);
#endif
      },
      tbb::static_partitioner{});
#ifdef COINFER_THREAD_SANITIZER
  __tsan_acquire(&join);
#endif
}

}  // namespace coinfer::kernels
