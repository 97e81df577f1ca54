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

PinnedThreads::PinnedThreads(tbb::task_arena& arena, std::vector<int> cores)
    : tbb::task_scheduler_observer{arena}, cores_{std::move(cores)} {
  made_.give();
  observe(true);
}

PinnedThreads::~PinnedThreads() {
  observe(false);  // waits for those who are being told
  made_.take();
}

// What fails here leaves the thread where it is, which is only slower.
void PinnedThreads::on_scheduler_entry(bool) {
  made_.take();
  const auto slot = tbb::this_task_arena::current_thread_index();
  const bool known = slot >= 0 && static_cast<std::size_t>(slot) < cores_.size();
  const int core = known ? cores_[static_cast<std::size_t>(slot)] : 0;
  made_.give();
  if (!known || pinned || pthread_getaffinity_np(pthread_self(), sizeof before, &before) != 0) {
    return;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  pinned = pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
}

void PinnedThreads::on_scheduler_exit(bool) {
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
