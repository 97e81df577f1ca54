#pragma once

#include <mutex>

namespace coinfer::runtime {

/// A mutex for sections of some instructions: who finds it locked waits awake for a moment, since
/// going to sleep and being woken costs many times such a section. For std::lock_guard.
class ShortMutex {
 public:
  void lock() {
    for (int turn = 0; turn < 100; ++turn) {
      if (mutex_.try_lock()) {
        return;
      }
      __builtin_ia32_pause();
    }
    mutex_.lock();  // its holder has lost its core
  }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

}  // namespace coinfer::runtime
