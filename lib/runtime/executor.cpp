#include "runtime/executor.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

namespace coinfer::runtime {
namespace {

thread_local bool is_worker = false;
thread_local bool counted_idle = false;

constexpr int compute_nice = 5;
constexpr std::chrono::microseconds spin_time{30};

void pause_core() noexcept { __builtin_ia32_pause(); }

}  // namespace

void settle_compute_thread() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  // On Linux a nice value belongs to the thread. Failing changes nothing but the priority.
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), compute_nice);
}

Executor::Executor(int threads, std::function<void()> drain)
    : threads_{threads},
      drain_{std::move(drain)},
      context_{threads},
      guard_{context_.get_executor()} {}

Executor::~Executor() { stop(); }

bool Executor::on_worker() noexcept { return is_worker; }

void Executor::post_permit() {
  start_worker_if_none_idle();
  boost::asio::post(context_, [this] {
    if (counted_idle) {
      counted_idle = false;
      idle_.fetch_sub(1, std::memory_order_acq_rel);
    }
    drain_();
  });
  // After the post: a spinning worker that sees the new count finds the permit.
  posted_.fetch_add(1, std::memory_order_release);
}

void Executor::start_worker_if_none_idle() {
  if (idle_.load(std::memory_order_acquire) > 0 ||
      started_.load(std::memory_order_acquire) >= threads_) {
    return;
  }
  const std::lock_guard lock{mutex_};
  if (stopped_ || static_cast<int>(workers_.size()) >= threads_) {
    return;
  }
  // The new thread inherits a full mask, so that no signal meets it before it has settled.
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  try {
    workers_.emplace_back([this] { work(); });
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  started_.store(static_cast<int>(workers_.size()), std::memory_order_release);
}

void Executor::work() {
  is_worker = true;
  settle_compute_thread();
  pthread_setname_np(pthread_self(), "coinfer-stream");
  for (;;) {
    const auto seen = posted_.load(std::memory_order_acquire);
    if (context_.poll_one() > 0) {
      continue;
    }
    if (stopped_.load(std::memory_order_acquire)) {
      return;
    }
    counted_idle = true;
    idle_.fetch_add(1, std::memory_order_acq_rel);
    // A worker that has just worked waits awake for a moment, because waking a sleeper is dear.
    bool found = false;
    if (!spinning_.exchange(true, std::memory_order_acq_rel)) {
      const auto until = std::chrono::steady_clock::now() + spin_time;
      do {
        for (int i = 0; i < 16 && !found; ++i) {
          pause_core();
          found = posted_.load(std::memory_order_acquire) != seen;
        }
      } while (!found && std::chrono::steady_clock::now() < until);
      spinning_.store(false, std::memory_order_release);
    }
    if (!found) {
      context_.run_one();
    }
    if (counted_idle) {
      counted_idle = false;
      idle_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }
}

void Executor::stop() {
  std::vector<std::thread> workers;
  {
    const std::lock_guard lock{mutex_};
    stopped_.store(true, std::memory_order_release);
    workers.swap(workers_);
  }
  guard_.reset();
  context_.stop();
  for (auto& worker : workers) {
    worker.join();
  }
}

}  // namespace coinfer::runtime
