#include "runtime/pinned_threads.hpp"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <utility>

namespace coinfer::runtime {
namespace {

/// Where the calling thread could run before it entered; a thread computes in one arena at a time.
thread_local cpu_set_t before;
thread_local bool pinned = false;

}  // namespace

PinnedThreads::PinnedThreads(kernels::Arena& arena, std::vector<int> cores)
    : ArenaObserver{arena}, cores_{std::move(cores)} {
  begin();
}

PinnedThreads::~PinnedThreads() { end(); }

// What fails here leaves the thread where it is, which is only slower.
void PinnedThreads::entered(int slot, bool) noexcept {
  const bool known = slot >= 0 && static_cast<std::size_t>(slot) < cores_.size();
  if (!known || pinned || pthread_getaffinity_np(pthread_self(), sizeof before, &before) != 0) {
    return;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cores_[static_cast<std::size_t>(slot)], &one);
  pinned = pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
}

void PinnedThreads::left() noexcept {
  if (std::exchange(pinned, false)) {
    pthread_setaffinity_np(pthread_self(), sizeof before, &before);
  }
}

std::vector<int> cores_of_stream(int stream, int threads) {
  // Of the whole process, because the calling thread may be pinned itself.
  cpu_set_t allowed;
  std::vector<int> all;
  if (sched_getaffinity(getpid(), sizeof allowed, &allowed) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &allowed)) {
        all.push_back(core);
      }
    }
  }
  std::vector<int> share;
  for (int i = 0; i < threads && !all.empty(); ++i) {
    share.push_back(all[static_cast<std::size_t>(stream * threads + i) % all.size()]);
  }
  return share;
}

}  // namespace coinfer::runtime
