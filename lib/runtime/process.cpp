#include "runtime/process.hpp"

#include <pthread.h>
#include <sched.h>

#include "coinfer/error.hpp"
#include "coinfer/executor.hpp"
#include "coinfer/runtime.hpp"
#include "runtime/alarm.hpp"
#include "runtime/cache_writer.hpp"
#include "runtime/deadlines.hpp"
#include "runtime/live.hpp"
#include "runtime/quiet_thread.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/trace.hpp"

namespace coinfer {
namespace runtime {
namespace {

std::atomic<Scheduler*> scheduler{nullptr};
std::atomic<bool> forked{false};

/// What `use_executor` gave, until the scheduler is made.
struct Given {
  std::mutex mutex;
  boost::asio::any_io_executor executor;
  bool taken = false;
};
Given& given() {
  static auto* const only = new Given;
  return *only;
}

void in_forked_child() {
  if (scheduler.load(std::memory_order_relaxed) != nullptr) {
    forked.store(true, std::memory_order_release);
  }
}

}  // namespace

int compute_slots() noexcept {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    return std::max(CPU_COUNT(&set), 1);
  }
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

Scheduler& process_scheduler() {
  check_usable();
  auto* made = scheduler.load(std::memory_order_acquire);
  if (made != nullptr) {
    return *made;
  }
  // Never destroyed: threads that outlive main may still look at it.
  static Scheduler* const only = [] {
    trace::start_from_environment();
    const std::lock_guard lock{given().mutex};
    auto* fresh = new Scheduler{compute_slots(), given().executor};
    given().taken = true;
    pthread_atfork(nullptr, nullptr, in_forked_child);
    scheduler.store(fresh, std::memory_order_release);
    return fresh;
  }();
  return *only;
}

bool is_forked_child() noexcept { return forked.load(std::memory_order_acquire); }

void check_usable() {
  if (is_forked_child()) {
    throw Error(
        "this process was forked after its parent had used coinfer, whose threads do not survive a "
        "fork; start "
        "workers with the spawn method, or fork first and load models afterwards (gunicorn: in "
        "post_fork)");
  }
}

bool is_own_context(const boost::asio::execution_context& context) noexcept {
  auto* made = scheduler.load(std::memory_order_acquire);
  return made != nullptr && made->executor().owns(context);
}

}  // namespace runtime

void use_executor(boost::asio::any_io_executor executor) {
  if (!executor) {
    throw Error("an executor was expected, an empty one came");
  }
  const std::lock_guard lock{runtime::given().mutex};
  if (runtime::given().taken) {
    throw Error(
        "the runtime has its executor already; give it another one before the first model is "
        "compiled");
  }
  runtime::given().executor = std::move(executor);
}

boost::asio::any_io_executor executor() { return runtime::process_scheduler().executor().handle(); }

void shutdown() noexcept {
  auto* scheduler = runtime::scheduler.load(std::memory_order_acquire);
  if (scheduler != nullptr && !runtime::is_forked_child()) {
    scheduler->close();
    // One of the threads that end, or a permit that is waited for, would wait for itself.
    const bool join = !runtime::on_quiet_thread && !runtime::Executor::on_worker();
    runtime::Deadlines::instance().stop(join);
    runtime::AlarmClock::instance().stop(join);
    scheduler->executor().stop(join);
    runtime::CacheWriter::instance().stop(join);
  }
  trace::stop_at_exit();
}

void check_not_forked() { runtime::check_usable(); }

bool forked_after_use() noexcept { return runtime::is_forked_child(); }

Stats stats() {
  runtime::check_usable();
  Stats now;
  if (const auto* scheduler = runtime::scheduler.load(std::memory_order_acquire)) {
    now = scheduler->stats();
  } else {
    now.slots = now.free_slots = runtime::compute_slots();
  }
  now.live = live_objects();
  return now;
}

LiveObjects live_objects() noexcept {
  return {runtime::live::operations.load(), runtime::live::requests.load(),
          runtime::live::compiled_models.load()};
}

}  // namespace coinfer
