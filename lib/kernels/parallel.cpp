#include "kernels/parallel.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

namespace coinfer::kernels {

void for_each_part(std::int64_t parts, void (*call)(void* context, std::int64_t part),
                   void* context) {
  tbb::parallel_for(
      tbb::blocked_range<std::int64_t>(0, parts, 1),
      [=](const tbb::blocked_range<std::int64_t>& range) {
        for (auto part = range.begin(); part != range.end(); ++part) {
          call(context, part);
        }
      },
      tbb::static_partitioner{});
}

}  // namespace coinfer::kernels
