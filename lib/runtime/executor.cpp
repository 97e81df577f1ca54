#include "runtime/executor.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include "coinfer/error.hpp"
#include "runtime/handler_executor.hpp"
#include "runtime/quiet_thread.hpp"
#include "tensor/block_pool.hpp"

namespace coinfer::runtime {
namespace {

thread_local bool is_worker = false;
thread_local Executor* worker_of = nullptr;  // null on the application's threads
thread_local bool counted_idle = false;
thread_local bool is_spinner = false;
thread_local std::chrono::steady_clock::time_point idle_since;

constexpr int compute_nice = 5;
constexpr std::chrono::milliseconds compute_slice{10};
constexpr std::chrono::microseconds longest_spin{100};
constexpr std::chrono::microseconds shortest_spin{5};

/// The kernel's `sched_attr`, whose header cannot be read beside the C library's <sched.h>.
struct SchedulingAttributes {
  std::uint32_t size = 0;
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

void pause_core() noexcept { __builtin_ia32_pause(); }

/// A worker that submits a run in a handler mostly takes it as soon as the handler has returned.
bool stays(const auto& permitted) noexcept {
  for (int i = 0; i < 50; ++i) {
    pause_core();
    if (!permitted()) {
      return false;
    }
  }
  return true;
}

}  // namespace

void settle_compute_thread() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  // On Linux these belong to the thread. A slice that is longer than others' lets whoever wakes up
  // run at once (since Linux 6.12; before, it has no effect). Failing changes nothing but the
  // scheduling.
  SchedulingAttributes attributes;
  attributes.size = sizeof attributes;
  attributes.policy = SCHED_OTHER;
  // Never above the priority that the process was given.
  attributes.nice = std::max(getpriority(PRIO_PROCESS, 0), compute_nice);
  attributes.runtime = static_cast<std::uint64_t>(std::chrono::nanoseconds{compute_slice}.count());
  syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

Executor::Executor(int threads, boost::asio::any_io_executor given, std::function<void()> drain)
    : threads_{threads},
      given_{std::move(given)},
      drain_{std::move(drain)},
      context_{threads},
      guard_{context_.get_executor()} {}

Executor::~Executor() { stop(true); }

bool Executor::on_worker() noexcept { return is_worker; }

NoBlocking::NoBlocking() noexcept : before_{std::exchange(is_worker, true)} {}

NoBlocking::~NoBlocking() { is_worker = before_; }

boost::asio::any_io_executor Executor::handle() {
  if (given_) {
    return given_;
  }
  start_worker_if_none_idle();
  return HandlerExecutor{*this, context_.get_executor()};
}

void Executor::begin_handler() {
  stop_spinning();
  if (counted_idle) {
    end_idle(std::chrono::steady_clock::now());
    // What was posted while this worker was idle may wait behind the handler.
    start_worker_if_none_idle();
  }
}

void Executor::run_given_permit() {
  {
    const std::lock_guard lock{mutex_};
    if (stopped_.load(std::memory_order_relaxed)) {
      return;
    }
    ++given_running_;
  }
  {
    const NoBlocking refused;
    drain_();
  }
  const std::lock_guard lock{mutex_};
  if (--given_running_ == 0) {
    given_idle_.notify_all();
  }
}

void Executor::ensure_worker() {
  if (!given_ && started_.load(std::memory_order_acquire) == 0) {
    start_worker(1);
  }
}

bool Executor::post_permit() noexcept {
  add_permit();
  try {
    offer_permits();
    return true;
  } catch (...) {
    return !withdraw_permit();
  }
}

bool Executor::withdraw_permit() noexcept {
  auto left = permits_.load(std::memory_order_seq_cst);
  while (left > 0) {
    if (permits_.compare_exchange_weak(left, left - 1, std::memory_order_seq_cst)) {
      return true;
    }
  }
  return false;
}

// Either the spinning worker sees the permit before it sleeps, or it is seen to spin no more: both
// sides write their word before they read the other's.
void Executor::add_permit() noexcept {
  from_worker_.store(worker_of == this, std::memory_order_relaxed);
  permits_.fetch_add(1, std::memory_order_seq_cst);
}

/// Calls `offer` for each permit that nobody has; those for which it fails stay.
void Executor::each_permit(const auto& offer) {
  auto left = permits_.exchange(0, std::memory_order_seq_cst);
  try {
    for (; left > 0; --left) {
      offer();
    }
  } catch (...) {
    permits_.fetch_add(left, std::memory_order_seq_cst);
    throw;
  }
}

void Executor::offer_permits() {
  if (given_) {
    each_permit([this] { boost::asio::post(given_, [this] { run_given_permit(); }); });
  } else if (!spinning_.load(std::memory_order_seq_cst)) {
    post_permits();
  }
}

void Executor::back_soon() noexcept {
  if (worker_of != nullptr && !is_spinner &&
      !worker_of->spinning_.exchange(true, std::memory_order_seq_cst)) {
    is_spinner = true;
  }
}

bool Executor::back() {
  if (!std::exchange(is_spinner, false)) {
    return false;
  }
  spinning_.store(false, std::memory_order_seq_cst);
  return take_permit();
}

/// Hands the permits that no spinning worker takes to the context, which wakes a sleeping worker.
void Executor::post_permits() {
  // A worker that runs a handler of the application, or is about to take a permit, is not idle.
  if (counted_idle || is_spinner) {
    end_idle(std::chrono::steady_clock::now());
  }
  namespace execution = boost::asio::execution;
  const auto to_context =
      boost::asio::require(context_.get_executor(), execution::blocking.never,
                           execution::allocator(block_pool::Allocator<std::byte>{}));
  each_permit([&] {
    start_worker_if_none_idle();
    to_context.execute([this, at = std::chrono::steady_clock::now()] {
      end_idle(at);
      drain_();
    });
  });
}

/// Where nobody could be told that it failed: what is left waits for the next one who offers, or
/// for a worker that has nothing to do.
void Executor::hand_over_permits() noexcept {
  try {
    post_permits();
  } catch (...) {
    return;
  }
}

void Executor::start_worker_if_none_idle() {
  if (idle_.load(std::memory_order_acquire) == 0 &&
      started_.load(std::memory_order_acquire) < threads_) {
    start_worker(threads_);
  }
}

/// Unless there are `wanted` of them.
void Executor::start_worker(int wanted) {
  const std::lock_guard lock{mutex_};
  if (stopped_ || static_cast<int>(workers_.size()) >= wanted) {
    return;
  }
  try {
    workers_.reserve(workers_.size() + 1);  // nothing throws once the thread runs
    workers_.push_back(start_quiet_thread([this] { work(); }));
  } catch (const std::exception& error) {
    if (workers_.empty()) {
      throw Error(
          fmt::format("a thread that runs inferences could not be started: {}", error.what()));
    }
    return;
  }
  started_.store(static_cast<int>(workers_.size()), std::memory_order_release);
}

void Executor::work() {
  is_worker = true;
  worker_of = this;
  settle_compute_thread();
  pthread_setname_np(pthread_self(), "coinfer-stream");
  for (;;) {
    if (context_.poll_one() > 0) {
      // What its handler started stays on this core.
      if (permits_.load(std::memory_order_relaxed) != 0 && take_permit()) {
        drain_();
      }
      continue;
    }
    if (stopped_.load(std::memory_order_acquire)) {
      return;
    }
    counted_idle = true;
    idle_since = std::chrono::steady_clock::now();
    idle_.fetch_add(1, std::memory_order_acq_rel);
    if (!spin()) {
      context_.run_one();
    }
    end_idle(std::chrono::steady_clock::now());
  }
}

/// A worker that has just worked waits awake for a moment, because waking a sleeper is dear. True
/// when it has done something meanwhile.
bool Executor::spin() {
  if (!is_spinner && spinning_.exchange(true, std::memory_order_seq_cst)) {
    return false;
  }
  is_spinner = true;
  const auto patience = spin_time_.load(std::memory_order_relaxed);
  auto until = idle_since + patience;
  const auto permitted = [this] { return permits_.load(std::memory_order_seq_cst) != 0; };
  // The context's lock is busy enough: it is taken for what was posted, and now and then for timers
  // and whatever else comes to the context by itself.
  constexpr int turns_between_looks = 16;
  auto seen = posted_.load(std::memory_order_acquire);
  bool found = false;
  int turns = turns_between_looks;
  do {
    for (int i = 0; i < 16 && !found; ++i) {
      pause_core();
      found = permitted();
    }
    if (found && from_worker_.load(std::memory_order_relaxed)) {
      found = stays(permitted);
      if (!found) {
        until = std::chrono::steady_clock::now() + patience;
      }
    }
    if (!found) {
      sched_yield();  // whoever has something to do goes first
      const auto posted = posted_.load(std::memory_order_acquire);
      if (posted != seen || ++turns >= turns_between_looks) {
        seen = posted;
        turns = 0;
        if (context_.poll_one() > 0) {
          stop_spinning();
          return true;
        }
      }
    }
  } while (!found && std::chrono::steady_clock::now() < until);
  is_spinner = false;
  spinning_.store(false, std::memory_order_seq_cst);
  if (!take_permit()) {
    return false;
  }
  end_idle(idle_since);
  drain_();
  return true;
}

/// The spinning worker has something else to do, perhaps for long: permits are for others now.
void Executor::stop_spinning() {
  if (!std::exchange(is_spinner, false)) {
    return;
  }
  spinning_.store(false, std::memory_order_seq_cst);
  if (permits_.load(std::memory_order_seq_cst) != 0) {
    hand_over_permits();
  }
}

/// Takes one of the permits that were left to the spinning worker; the others go to the context.
bool Executor::take_permit() {
  if (!withdraw_permit()) {
    return false;
  }
  if (permits_.load(std::memory_order_seq_cst) != 0) {
    hand_over_permits();
  }
  return true;
}

/// The calling worker has something to do again, since `at`. Runs that follow one another closely
/// make workers wait awake, runs far apart let them sleep.
void Executor::end_idle(std::chrono::steady_clock::time_point at) {
  stop_spinning();
  if (!counted_idle) {
    return;
  }
  counted_idle = false;
  idle_.fetch_sub(1, std::memory_order_acq_rel);
  const bool close = at - idle_since < longest_spin;
  const auto last = spin_time_.load(std::memory_order_relaxed);
  spin_time_.store(close ? longest_spin : std::max(last / 2, shortest_spin),
                   std::memory_order_relaxed);
}

void Executor::stop(bool join) {
  std::vector<std::thread> workers;
  {
    const std::lock_guard lock{mutex_};
    stopped_.store(true, std::memory_order_release);
    guard_.reset();
    if (join) {
      workers.swap(workers_);
    }
  }
  if (given_ && join) {
    std::unique_lock lock{mutex_};
    given_idle_.wait(lock, [this] { return given_running_ == 0; });
  }
  context_.stop();
  for (auto& worker : workers) {
    worker.join();
  }
}

}  // namespace coinfer::runtime
