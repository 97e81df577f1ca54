#pragma once

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COINFER_THREAD_SANITIZER 1
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif
#endif

namespace coinfer::kernels {

/// Tells ThreadSanitizer what TBB, which is not instrumented, orders: all before a give() happens
/// before all after the take() of another thread.
class Handover {
 public:
#ifdef COINFER_THREAD_SANITIZER
  void give() { __tsan_release(this); }
  void take() { __tsan_acquire(this); }

 private:
  char address_ = 0;
#else
  void give() {}
  void take() {}
#endif
};

/// Calls call(context, part) for each part on the threads of the current arena. In a file of its
/// own, which ThreadSanitizer does not see, as it does not see TBB's library.
void for_each_part(std::int64_t parts, void (*call)(void* context, std::int64_t part),
                   void* context);

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
  struct Section {
    const Body& body;
    std::int64_t count, parts;
    Handover fork, join;
  } section{body, count, parts, {}, {}};
  section.fork.give();
  for_each_part(
      parts,
      [](void* context, std::int64_t part) {
        auto& mine = *static_cast<Section*>(context);
        mine.fork.take();
        mine.body(mine.count * part / mine.parts, mine.count * (part + 1) / mine.parts);
        mine.join.give();
      },
      &section);
  section.join.take();
}

/// Slots for that many threads to compute in. *Thread safety*: shared objects: safe.
class Arena {
 public:
  explicit Arena(int threads) : arena_{threads} {}

  /// Calls work() inside the arena: on another thread when all its slots are taken.
  template <class Work>
  void execute(Work&& work) {
    Handover enter;
    Handover leave;
    enter.give();
    arena_.execute([&] {
      enter.take();
      const Giving giving{leave};
      std::forward<Work>(work)();
    });
    leave.take();
  }

 private:
  friend class ArenaObserver;
  struct Giving {
    Handover& handover;
    ~Giving() { handover.give(); }
  };

  tbb::task_arena arena_;
};

/// Is told of each thread that begins or ceases to compute in an arena, on that thread.
/// *Thread safety*: made and destroyed by the arena's owner, before the arena; what is told comes
/// from any thread, of several at once.
class ArenaObserver : tbb::task_scheduler_observer {
 public:
  ArenaObserver(const ArenaObserver&) = delete;
  ArenaObserver& operator=(const ArenaObserver&) = delete;
  ~ArenaObserver() override = default;

 protected:
  explicit ArenaObserver(Arena& arena) : tbb::task_scheduler_observer{arena.arena_} {}

  /// The first and the last call of a derived class: at the end of its constructor, and at the
  /// begin of its destructor, which waits for those who are being told.
  void begin() {
    made_.give();
    observe(true);
  }
  void end() noexcept {
    observe(false);
    told_.take();
  }

  /// `slot`: the thread's place in the arena, from 0 on, negative when it has none. `is_tbbs`: TBB
  /// has made it; otherwise it is the caller of `execute`.
  virtual void entered(int slot, bool is_tbbs) noexcept = 0;
  virtual void left() noexcept {}

 private:
  void on_scheduler_entry(bool is_tbbs) final {
    made_.take();
    entered(tbb::this_task_arena::current_thread_index(), is_tbbs);
    told_.give();
  }
  void on_scheduler_exit(bool) final {
    made_.take();
    left();
    told_.give();
  }

  Handover made_;
  Handover told_;
};

}  // namespace coinfer::kernels
