#include "runtime/scheduler.hpp"

#include "coinfer/error.hpp"
#include "runtime/compiled.hpp"
#include "runtime/futex.hpp"

namespace coinfer::runtime {
namespace {

/// How often a model is passed over because too few slots are free, before they are kept for it.
constexpr int patience = 8;

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
  waiting_.fetch_add(1, std::memory_order_relaxed);
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
  waiting_.fetch_sub(1, std::memory_order_relaxed);
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

/// Of the models with the highest priority whose lease fits, the one whose turn it is. Needs the
/// lock.
WaitingRuns* Scheduler::next_runnable() {
  if (turn_ == nullptr) {
    return nullptr;
  }
  WaitingRuns* best = nullptr;
  auto* const last = turn_;
  for (auto* queue = turn_->next_;; queue = queue->next_) {
    if (best == nullptr || queue->priority_ > best->priority_) {
      if (runnable(*queue)) {
        best = queue;
      } else if (!queue->free_.empty() && ++queue->passed_over_ > patience) {
        return nullptr;
      }
    }
    if (queue == last) {
      return best;
    }
  }
}

/// Leases a stream to the model's first waiting run. Needs the lock.
Operation& Scheduler::grant(WaitingRuns& queue) {
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

/// The next run for a worker. Inline callers that are granted a stream on the way are woken.
Operation* Scheduler::take() {
  const std::lock_guard lock{mutex_};
  while (auto* queue = next_runnable()) {
    auto& operation = grant(*queue);
    if (!operation.inline_) {
      return &operation;
    }
    wake(operation, Granted::lease);
  }
  return nullptr;
}

/// Grants what inline callers wait for; lets a worker look when the next run is not one of theirs.
void Scheduler::serve() {
  bool post = false;
  {
    const std::lock_guard lock{mutex_};
    while (auto* queue = next_runnable()) {
      if (!queue->first_->inline_) {
        post = true;
        break;
      }
      wake(grant(*queue), Granted::lease);
    }
  }
  if (post) {
    executor_.post_permit();
  }
}

void Scheduler::drain() {
  // A bounded burst, so that other handlers of the context get their turn.
  const int burst = executor_.is_given() ? 1 : 64;
  for (int i = 0; i < burst; ++i) {
    auto* operation = take();
    if (operation == nullptr) {
      return;
    }
    executor_.back();
    operation->resume();
  }
  executor_.post_permit();
}

void Scheduler::submit(Operation& operation) {
  auto& queue = queue_of(operation);
  bool wake = false;
  {
    const std::lock_guard lock{mutex_};
    if (closed_) {
      throw Error("the runtime is shut down; no inference can start");
    }
    ++runs_.started;
    link(queue, operation);
    wake = runnable(queue);
    if (wake) {
      // Under the lock: a worker that takes the run finds its permit too.
      executor_.add_permit();
    }
  }
  if (wake) {
    executor_.offer_permits();
  }
}

bool Scheduler::acquire(Operation& operation, const std::function<bool()>& interrupted) {
  auto& queue = queue_of(operation);
  {
    const std::lock_guard lock{mutex_};
    if (closed_) {
      throw Error("the runtime is shut down; no inference can start");
    }
    // Neither a compilation nor a later stage is a run that starts.
    if (operation.state() == Operation::State::queued) {
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
  const std::lock_guard lock{mutex_};
  if (!operation.linked_) {
    return false;
  }
  unlink(queue_of(operation), operation);
  if (operation.inline_) {
    wake(operation, Granted::cancelled);
    return false;
  }
  ++runs_.cancelled;
  return true;
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
