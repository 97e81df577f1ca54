// Loaded before libstdc++ under ThreadSanitizer, which does not see how that library counts the
// owners of an exception: whoever lets go of one last, and frees it, comes after all who have used
// it. Here it is told so. It sees nothing of this file itself.

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <exception>

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);

namespace {

/// One thread at a time says that it lets go, and does: in the order in which the owners are
/// counted. An exception may own another one.
class InTurn {
 public:
  InTurn() {
    if (depth++ == 0) {
      while (taken.exchange(true, std::memory_order_acquire)) {
        sched_yield();
      }
    }
  }
  InTurn(const InTurn&) = delete;
  InTurn& operator=(const InTurn&) = delete;
  ~InTurn() {
    if (--depth == 0) {
      taken.store(false, std::memory_order_release);
    }
  }

 private:
  static inline std::atomic<bool> taken{false};
  static inline thread_local int depth = 0;
  // Its holder is not in a forked child.
  static inline const int forks = pthread_atfork(nullptr, nullptr, [] { taken = depth != 0; });
};

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

void* exception_of(const void* pointer) { return *static_cast<void* const*>(pointer); }

void let_go(void* exception) {
  if (exception != nullptr) {
    __tsan_release(exception);
    __tsan_acquire(exception);
  }
}

}  // namespace

extern "C" {

// std::exception_ptr's own.
void _ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(void* self) noexcept {
  static auto* const release =
      next<void(void*)>("_ZNSt15__exception_ptr13exception_ptr10_M_releaseEv");
  const InTurn in_turn;
  let_go(exception_of(self));
  release(self);
}

void __cxa_end_catch() {
  static auto* const end = next<void()>("__cxa_end_catch");
  const InTurn in_turn;
  {
    const auto caught = std::current_exception();
    let_go(exception_of(&caught));
  }
  end();
}
}
