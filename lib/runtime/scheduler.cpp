#include "runtime/scheduler.hpp"

#include "coinfer/error.hpp"
#include "runtime/compiled.hpp"
#include "runtime/futex.hpp"

namespace coinfer::runtime {
namespace {

/// How often a model is passed over because too few slots are free, before they are kept for it.
constexpr int patience = 8;

/// Where the calling worker is counted among those that will look for a run.
thread_local Scheduler* looks_at = nullptr;

}  // namespace

Scheduler::Scheduler(int slots, boost::asio::any_io_executor given)
    : slots_{slots}, free_slots_{slots}, executor_{slots, std::move(given), [this] { drain(); }} {
  running_.reserve(static_cast<std::size_t>(slots));
}

WaitingRuns& Scheduler::queue_of(Operation& operation) { return operation.model_->waiting_runs(); }

void Scheduler::link(WaitingRuns& queue, Operation& operation) {
  auto* after = queue.last_;
  while (after != nullptr && after->priority < operation.priority) {
    after = after->previous_;
  }
  operation.previous_ = after;
  operation.next_ = after != nullptr ? after->next_ : queue.first_;
  (operation.next_ != nullptr ? operation.next_->previous_ : queue.last_) = &operation;
  (after != nullptr ? after->next_ : queue.first_) = &operation;
  operation.linked_ = true;
  ++waiting_;
  if (!queue.in_ring_) {
    queue.in_ring_ = true;
    queue.passed_over_ = 0;
    if (turn_ == nullptr) {
      queue.next_ = &queue;
    } else {
      queue.next_ = turn_->next_;
      turn_->next_ = &queue;
    }
    turn_ = &queue;
  }
}

void Scheduler::unlink(WaitingRuns& queue, Operation& operation) {
  (operation.previous_ != nullptr ? operation.previous_->next_ : queue.first_) = operation.next_;
  (operation.next_ != nullptr ? operation.next_->previous_ : queue.last_) = operation.previous_;
  operation.next_ = operation.previous_ = nullptr;
  operation.linked_ = false;
  --waiting_;
  if (queue.first_ != nullptr) {
    return;
  }
  queue.in_ring_ = false;
  if (queue.next_ == &queue) {
    turn_ = nullptr;
    return;
  }
  auto* before = &queue;
  while (before->next_ != &queue) {
    before = before->next_;
  }
  before->next_ = queue.next_;
  if (turn_ == &queue) {
    turn_ = before;
  }
}

/// Of the models with the highest priority whose lease fits, the one whose turn it is; null when
/// there is none, or slots are kept for a larger lease. Needs the lock.
WaitingRuns* Scheduler::next_runnable() const {
  if (turn_ == nullptr) {
    return nullptr;
  }
  WaitingRuns* best = nullptr;
  auto* const last = turn_;
  for (auto* queue = turn_->next_;; queue = queue->next_) {
    if (best == nullptr || queue->priority_ > best->priority_) {
      if (runnable(*queue)) {
        best = queue;
      } else if (!queue->free_.empty() && queue->passed_over_ >= patience) {
        return nullptr;
      }
    }
    if (queue == last) {
      return best;
    }
  }
}

/// Notes which models `granted` goes before although they have a free stream. Needs the lock.
void Scheduler::pass_over(const WaitingRuns& granted) {
  bool earlier = true;
  auto* const last = turn_;
  for (auto* queue = turn_->next_;; queue = queue->next_) {
    earlier = earlier && queue != &granted;
    if ((earlier || queue->priority_ > granted.priority_) && !queue->free_.empty() &&
        !runnable(*queue)) {
      ++queue->passed_over_;
    }
    if (queue == last) {
      return;
    }
  }
}

/// Leases a stream to the model's first waiting run. Needs the lock.
Operation& Scheduler::grant(WaitingRuns& queue) {
  pass_over(queue);
  queue.passed_over_ = 0;
  turn_ = &queue;
  auto& operation = *queue.first_;
  unlink(queue, operation);
  lease(queue, operation);
  return operation;
}

void Scheduler::lease(WaitingRuns& queue, Operation& operation) {
  operation.stream_ = queue.free_.back();
  queue.free_.pop_back();
  free_slots_ -= queue.slots_;
  running_.push_back(&operation);
}

void Scheduler::end_lease(Operation& operation) {
  auto& queue = queue_of(operation);
  queue.free_.push_back(std::exchange(operation.stream_, nullptr));
  free_slots_ += queue.slots_;
  std::erase(running_, &operation);
}

/// Tells a parked inline caller. Needs the lock, because the caller may be gone once it is let go.
void Scheduler::wake(Operation& operation, Granted granted) {
  operation.granted_.store(static_cast<std::uint32_t>(granted), std::memory_order_release);
  futex_wake(operation.granted_);
}

/// Grants what inline callers wait for, as long as it is their turn. The model whose run a worker
/// could take now, or null. Needs the lock.
WaitingRuns* Scheduler::grant_inline() {
  for (;;) {
    auto* const queue = next_runnable();
    if (queue == nullptr || !queue->first_->inline_) {
      return queue;
    }
    wake(grant(*queue), Granted::lease);
  }
}

/// The next run for a worker, and whether another one could take one, too.
Scheduler::Taken Scheduler::take() {
  const std::lock_guard lock{mutex_};
  auto* const queue = grant_inline();
  if (queue == nullptr) {
    return {};
  }
  auto& operation = grant(*queue);
  return {&operation, turn_ != nullptr && grant_inline() != nullptr};
}

/// Grants what inline callers wait for; lets a worker look when the next run is not one of theirs.
void Scheduler::serve() noexcept {
  bool more = false;
  {
    const std::lock_guard lock{mutex_};
    more = grant_inline() != nullptr;
  }
  if (more) {
    call_worker();
  }
}

/// There is a run that a worker could take: one is called unless somebody will look anyway.
void Scheduler::call_worker() noexcept {
  if (looking_.load() == 0) {
    ++looking_;
    if (!executor_.post_permit()) {
      --looking_;
    }
  }
}

/// The calling worker looks for a run within microseconds.
void Scheduler::will_look() noexcept {
  if (std::exchange(looks_at, this) == nullptr) {
    ++looking_;
  }
}

/// The calling worker, which has ended a run, does something else before it looks for the next one.
void Scheduler::look_later() noexcept {
  if (looks_at != nullptr) {
    auto& scheduler = *std::exchange(looks_at, nullptr);
    --scheduler.looking_;
    if (scheduler.contended()) {
      scheduler.serve();
    }
  }
}

void Scheduler::drain() {
  --looking_;  // the permit
  // A bounded burst, so that other handlers of the context get their turn.
  const int burst = executor_.is_given() ? 1 : 64;
  for (int i = 0; i < burst; ++i) {
    // Before the lock: who finds that somebody looks may rely on it that we look after him.
    if (std::exchange(looks_at, nullptr) != nullptr) {
      --looking_;
    }
    const auto [operation, more] = take();
    if (operation == nullptr) {
      return;
    }
    if (executor_.back()) {
      --looking_;
    }
    if (more) {
      call_worker();
    }
    operation->resume();
  }
  // What this thread was about to look for, somebody else may.
  if (std::exchange(looks_at, nullptr) != nullptr) {
    --looking_;
  }
  if (contended()) {
    call_worker();
  }
}

void Scheduler::submit(Operation& operation) {
  auto& queue = queue_of(operation);
  executor_.ensure_worker();  // or nobody would ever take what waits
  bool wake = false;
  {
    const std::lock_guard lock{mutex_};
    check_open();
    ++runs_.started;
    link(queue, operation);
    wake = runnable(queue);
    if (wake) {
      // Under the lock: a worker that takes the run finds its permit too.
      ++looking_;
      executor_.add_permit();
    }
  }
  if (!wake) {
    return;
  }
  try {
    executor_.offer_permits();
  } catch (...) {
    const std::lock_guard lock{mutex_};
    if (executor_.withdraw_permit()) {
      --looking_;
    }
    // Somebody else may have come for it, or even had it wait for its next stage.
    if (operation.linked_ && operation.stamps_.read().started == trace::Time{}) {
      unlink(queue, operation);
      --runs_.started;
      throw;
    }
  }
}

void Scheduler::check_open() const {
  if (closed_) {
    throw Error("the runtime is shut down; no inference can start");
  }
}

bool Scheduler::acquire(Operation& operation, Purpose purpose,
                        const std::function<bool()>& interrupted) {
  auto& queue = queue_of(operation);
  {
    const std::lock_guard lock{mutex_};
    if (purpose == Purpose::later_stage && closed_) {
      ++runs_.cancelled;  // as those that are stopped while they run
      return false;
    }
    check_open();
    if (purpose == Purpose::run) {
      ++runs_.started;
    }
    operation.inline_ = true;
    if (turn_ == nullptr && runnable(queue)) {
      lease(queue, operation);
      return true;
    }
    operation.granted_.store(static_cast<std::uint32_t>(Granted::nothing),
                             std::memory_order_relaxed);
    link(queue, operation);
  }
  // What waits may be only this run, for which there is room.
  serve();
  constexpr auto nothing = static_cast<std::uint32_t>(Granted::nothing);
  const auto look_up = interrupted
                           ? std::optional<std::chrono::nanoseconds>{std::chrono::milliseconds{100}}
                           : std::nullopt;
  auto granted = nothing;
  while ((granted = operation.granted_.load(std::memory_order_acquire)) == nothing) {
    futex_wait(operation.granted_, nothing, look_up);
    if (interrupted && operation.granted_.load(std::memory_order_acquire) == nothing &&
        interrupted()) {
      // Tells this very thread, unless something was granted meanwhile.
      dequeue(operation);
    }
  }
  // Whoever granted holds the lock until it has let go of this operation.
  const std::lock_guard lock{mutex_};
  if (granted == static_cast<std::uint32_t>(Granted::lease)) {
    return true;
  }
  ++runs_.cancelled;
  return false;
}

void Scheduler::release(Operation& operation) {
  {
    const std::lock_guard lock{mutex_};
    end_lease(operation);
  }
  if (contended()) {
    serve();
  }
}

void Scheduler::end_run(Operation& operation) {
  const bool from_worker = !operation.inline_;
  {
    const std::lock_guard lock{mutex_};
    end_lease(operation);
    if (from_worker) {
      will_look();
    }
    switch (operation.computed().kind) {
      case Outcome::Kind::finished:
        ++runs_.finished;
        break;
      case Outcome::Kind::failed:
        ++runs_.failed;
        break;
      case Outcome::Kind::cancelled:
        ++runs_.cancelled;
        break;
    }
  }
  if (!from_worker && contended()) {
    serve();
  }
}

void Scheduler::requeue(Operation& operation) {
  const std::lock_guard lock{mutex_};
  end_lease(operation);
  link(queue_of(operation), operation);
  will_look();
}

void Scheduler::with_free_streams(WaitingRuns& queue, const std::function<void(Stream&)>& work) {
  std::vector<Stream*> taken;
  {
    const std::lock_guard lock{mutex_};
    taken = queue.free_;
    queue.free_.clear();
  }
  for (auto* stream : taken) {
    work(*stream);
  }
  {
    const std::lock_guard lock{mutex_};
    queue.free_.insert(queue.free_.end(), taken.begin(), taken.end());
  }
  serve();
}

bool Scheduler::dequeue(Operation& operation) {
  bool to_complete = false;
  {
    const std::lock_guard lock{mutex_};
    if (!operation.linked_) {
      return false;
    }
    unlink(queue_of(operation), operation);
    to_complete = !operation.inline_;
    if (to_complete) {
      ++runs_.cancelled;
    } else {
      wake(operation, Granted::cancelled);
    }
  }
  if (contended()) {
    serve();  // slots may have been kept for it
  }
  return to_complete;
}

Stats Scheduler::stats() const {
  Stats now;
  const std::lock_guard lock{mutex_};
  now.runs = runs_;
  now.in_flight =
      static_cast<std::int64_t>(runs_.started - runs_.finished - runs_.failed - runs_.cancelled);
  now.queued = waiting_.load(std::memory_order_relaxed);
  now.leases = static_cast<int>(running_.size());
  now.workers = executor_.workers();
  now.slots = slots_;
  now.free_slots = free_slots_;
  return now;
}

void Scheduler::close() {
  std::vector<OperationRef> waiting;
  {
    const std::lock_guard lock{mutex_};
    closed_.store(true, std::memory_order_release);
    for (auto* operation : running_) {
      operation->stop_.store(true, std::memory_order_release);
    }
    if (turn_ != nullptr) {
      auto* queue = turn_;
      do {
        for (auto* operation = queue->first_; operation != nullptr; operation = operation->next_) {
          waiting.emplace_back(operation);
        }
        queue = queue->next_;
      } while (queue != turn_);
    }
  }
  for (const auto& operation : waiting) {
    operation->cancel();
  }
}

}  // namespace coinfer::runtime
