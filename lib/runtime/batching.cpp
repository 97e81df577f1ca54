#include "runtime/batching.hpp"

#include "coinfer/detail/wake_up.hpp"
#include "coinfer/error.hpp"
#include "runtime/deadlines.hpp"
#include "runtime/process.hpp"
#include "runtime/run.hpp"
#include "runtime/scheduler.hpp"

namespace coinfer::runtime {
namespace {

/// Groups without members are kept up to this number, so that usual shapes cost no allocation.
constexpr std::size_t max_kept_groups = 64;

/// As good as for ever, and fits the clock.
constexpr std::chrono::hours longest_delay{24};

/// Of results to be copied: so many take as long as a small run, which another worker could begin.
constexpr std::size_t many_bytes = std::size_t{1} << 20;

Outcome cancelled() { return {Outcome::Kind::cancelled, std::make_exception_ptr(Cancelled{})}; }

}  // namespace

Batching::Batching(std::shared_ptr<Compiled> model, const BatcherOptions& options)
    : model_{std::move(model)},
      axis_{model_->inputs(), model_->outputs(), options.max_batch},
      max_delay_{std::min<std::chrono::nanoseconds>(options.max_delay, longest_delay)} {
  if (max_delay_ < max_delay_.zero()) {
    throw Error(fmt::format("max_delay is {} ns; a time >= 0 was expected", max_delay_.count()));
  }
}

Batching::~Batching() = default;

void Batching::start(const OperationRef& operation) {
  process_scheduler();  // a fork from here on leaves the clock's thread behind as well
  const auto rows = axis_.check_inputs(operation->inputs);
  auto member = std::dynamic_pointer_cast<BatchMember>(operation->carrier);
  if (!member || member->owner.get() != this) {
    member = std::make_shared<BatchMember>();
    member->owner = shared_from_this();
    operation->carrier = member;
  }
  member->rows = rows;
  RunFrame::stamp_queued(*operation);
  member->arrival = operation->stamps().queued;
  if (operation->deadline) {
    Deadlines::instance().arm(*operation);
  }
  try {
    act(admit(*member, operation));
  } catch (...) {
    Deadlines::instance().disarm(*operation);
    throw;
  }
  if (operation->stopping()) {
    stop(*member);  // it was stopped before it could be found
  }
}

Batching::Todo Batching::admit(BatchMember& member, const OperationRef& operation) {
  const std::lock_guard lock{mutex_};
  check_not_closed();
  member.operation = operation;
  ++in_flight_;
  ++stats_.requests;
  append(member);
  return next();
}

void Batching::check_not_closed() const {
  if (closed_) {
    throw Error(fmt::format("the batcher of model '{}' is closed", model_->name()));
  }
}

OperationRef Batching::open() {
  {
    const std::lock_guard lock{mutex_};
    check_not_closed();
  }
  return warm_up(model_, axis_);
}

OperationRef Batching::close() {
  check_usable();
  OperationRef closing{new Operation{model_}};
  Todo todo;
  bool idle = false;
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    idle = in_flight_ == 0;
    if (!idle) {
      closings_.push_back(closing);
      todo = next();
    }
  }
  act(todo);
  if (idle) {
    RunFrame::finish(*closing, {});
  }
  return closing;
}

BatcherStats Batching::stats() const {
  const std::lock_guard lock{mutex_};
  return stats_;
}

void Batching::ring() noexcept {
  Todo todo;
  {
    const std::lock_guard lock{mutex_};
    alarm_at_.reset();
    todo = next();
  }
  act(todo);
}

/// A batch when one is due, else when to look again. Nothing while a batch waits for a stream: it
/// looks when it is granted one.
Batching::Todo Batching::next() {
  if (batch_waits_) {
    return {};
  }
  bool any_due = !retries_.empty();
  auto first = Clock::time_point::max();
  if (!any_due && !active_.empty()) {
    const auto now = Clock::now();
    for (const auto& group : active_) {
      any_due = any_due || due(group, now);
      first = std::min(first, group.waiting.front().arrival + max_delay_);
    }
  }
  if (any_due) {
    batch_waits_ = true;
    return {&take_batch(), {}};
  }
  if (first == Clock::time_point::max() || (alarm_at_ && *alarm_at_ <= first)) {
    return {};
  }
  alarm_at_ = first;
  return {nullptr, first};
}

/// Sees to it that those who wait are looked at again at `time`.
void Batching::arm(Clock::time_point time) noexcept {
  try {
    if (AlarmClock::instance().arm(weak_from_this(), time)) {
      return;
    }
    // The runtime is shut down: nothing waits any longer.
    {
      const std::lock_guard lock{mutex_};
      closed_ = true;
    }
    ring();
  } catch (...) {
    // The clock has no thread: nobody would ever look.
    {
      const std::lock_guard lock{mutex_};
      alarm_at_.reset();
    }
    fail_waiting(std::current_exception());
  }
}

void Batching::act(const Todo& todo) noexcept {
  if (todo.alarm) {
    arm(*todo.alarm);
  }
  if (todo.start == nullptr) {
    return;
  }
  try {
    todo.start->operation->keep = shared_from_this();
    todo.start->operation->start();
  } catch (...) {
    // The runtime is shut down.
    todo.start->operation->keep.reset();
    {
      const std::lock_guard lock{mutex_};
      batch_waits_ = false;
      spare_.push_back(todo.start);
    }
    fail_waiting(std::current_exception());
  }
}

bool Batching::due(const BatchGroup& group, Clock::time_point now) const {
  return closed_ || group.rows >= axis_.max_batch() ||
         now - group.waiting.front().arrival >= max_delay_;
}

BatchGroup& Batching::group_of(const PlanKey& key) {
  auto [found, is_new] = groups_.try_emplace(key);
  if (is_new) {
    found->second.key = key;
  }
  return found->second;
}

void Batching::append(BatchMember& member) {
  BatchAxis::make_key(member.operation->inputs, key_);
  auto& group = group_of(key_);
  const int priority = member.operation->priority;
  if (group.waiting.empty()) {
    active_.push_back(group);
    group.priority = priority;
    group.mixed = false;
  } else if (priority != group.priority) {
    group.mixed = true;
    group.priority = std::max(group.priority, priority);
  }
  member.group = &group;
  group.waiting.push_back(member);
  group.rows += member.rows;
}

void Batching::remove(BatchMember& member) {
  if (member.group == nullptr) {
    retries_.erase(retries_.iterator_to(member));
    return;
  }
  auto& group = *std::exchange(member.group, nullptr);
  group.waiting.erase(group.waiting.iterator_to(member));
  group.rows -= member.rows;
  if (group.waiting.empty()) {
    active_.erase(active_.iterator_to(group));
    if (groups_.size() > max_kept_groups) {
      groups_.erase(groups_.find(group.key));
    }
  }
}

Batch& Batching::take_batch() {
  if (spare_.empty()) {
    batches_.push_back(std::make_unique<Batch>(*this));
    spare_.push_back(batches_.back().get());
    spare_.reserve(batches_.size());
  }
  auto& batch = *spare_.back();
  spare_.pop_back();
  batch.prepare();
  for (const auto& group : active_) {
    batch.operation->priority = std::max(batch.operation->priority, group.priority);
  }
  return batch;
}

void Batching::add(Batch& batch, BatchMember& member) {
  remove(member);
  member.batch = &batch;
  member.stopped = false;
  member.place = batch.parts.size();
  batch.parts.push_back({&member, member.rows, {}, {}});
  batch.rows += member.rows;
}

/// Of the groups that are due, the one that waits longest.
void Batching::choose(Batch& batch) {
  if (!retries_.empty()) {
    add(batch, retries_.front());
  } else {
    BatchGroup* longest = nullptr;
    const auto now = Clock::now();
    for (auto& group : active_) {
      if (due(group, now) && (longest == nullptr ||
                              group.waiting.front().arrival < longest->waiting.front().arrival)) {
        longest = &group;
      }
    }
    if (longest == nullptr) {
      return;  // those that were due have been cancelled
    }
    choose_from(*longest, batch);
  }
  batch.live = batch.parts.size();
  batch.size = axis_.size_for(batch.rows);
  ++stats_.batches;
  stats_.rows += static_cast<std::uint64_t>(batch.rows);
  stats_.padding += static_cast<std::uint64_t>(batch.size - batch.rows);
}

/// First come, first served within a priority, as many as fill a batch well.
void Batching::choose_from(BatchGroup& group, Batch& batch) {
  struct Candidate {
    BatchMember* member;
    std::size_t place;
  };
  boost::container::small_vector<Candidate, 64> candidates;
  for (auto& member : group.waiting) {
    candidates.push_back({&member, candidates.size()});
    if (!group.mixed && static_cast<std::int64_t>(candidates.size()) >= axis_.max_batch()) {
      break;
    }
  }
  if (group.mixed) {
    std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
      const auto first = a.member->operation->priority;
      const auto second = b.member->operation->priority;
      return first != second ? first > second : a.place < b.place;
    });
  }
  std::size_t count = 0;
  std::int64_t rows = 0;
  while (count < candidates.size() && rows + candidates[count].member->rows <= axis_.max_batch()) {
    rows += candidates[count++].member->rows;
  }
  // Rather a smaller batch now and the rest in the next than much padding.
  const auto wanted = axis_.well_filled(rows);
  while (count > 1 && rows > wanted) {
    rows -= candidates[--count].member->rows;
  }
  for (std::size_t i = 0; i < count; ++i) {
    add(batch, *candidates[i].member);
  }
}

/// On the stream's thread: the run begins.
void Batching::bind(Batch& batch) {
  Todo todo;
  {
    const std::lock_guard lock{mutex_};
    batch_waits_ = false;
    batch.phase = Batch::Phase::joining;
    choose(batch);
    for (const auto& part : batch.parts) {
      RunFrame::stamp_start_as(*part.member->operation, *batch.operation);
    }
    todo = next();
  }
  act(todo);
  if (batch.parts.empty()) {
    throw Cancelled{};
  }
  batch.join();
  drop_stopped(batch);
}

/// Once the inputs are copied, a member that was cancelled is completed; without members left the
/// run is over.
void Batching::drop_stopped(Batch& batch) {
  std::vector<OperationRef> dropped;
  bool empty = false;
  {
    const std::lock_guard lock{mutex_};
    batch.phase = batch.is_alone() ? Batch::Phase::alone : Batch::Phase::joined;
    empty = batch.live == 0;
    if (batch.phase == Batch::Phase::joined && batch.live != batch.parts.size()) {
      for (auto& part : batch.parts) {
        if (part.member->stopped) {
          dropped.push_back(std::move(std::exchange(part.member, nullptr)->operation));
        }
      }
    }
  }
  for (auto& operation : dropped) {
    finish(std::move(operation), cancelled());
  }
  count_out(dropped.size());
  if (empty) {
    throw Cancelled{};
  }
}

void Batching::stop(BatchMember& member) noexcept {
  OperationRef out;
  OperationRef run;
  {
    const std::lock_guard lock{mutex_};
    if (!member.operation || (member.batch != nullptr && member.stopped)) {
      return;
    }
    auto* batch = member.batch;
    if (batch == nullptr) {
      remove(member);
      out = std::move(member.operation);
    } else {
      member.stopped = true;
      const bool last = --batch->live == 0;
      if (batch->phase == Batch::Phase::joined) {
        batch->parts[member.place].member = nullptr;
        out = std::move(member.operation);
      }
      if (last && batch->phase != Batch::Phase::joining) {
        run = batch->operation;
      }
    }
  }
  if (run) {
    run->cancel();
  }
  if (out) {
    finish(std::move(out), cancelled());
    count_out(1);
  }
}

/// On the stream's thread, its lease given back: the run is over.
void Batching::ended(Batch& batch) noexcept {
  auto outcome = batch.operation->computed();
  std::size_t members = 0;
  {
    const std::lock_guard lock{mutex_};
    if (batch.phase == Batch::Phase::waiting) {
      batch_waits_ = false;  // it never began: the runtime shuts down
    }
    batch.phase = Batch::Phase::over;
    for (auto& part : batch.parts) {
      if (part.member != nullptr) {
        part.operation = std::move(part.member->operation);
        part.member->batch = nullptr;
        ++members;
      }
    }
  }
  if (outcome.kind == Outcome::Kind::failed && members > 1) {
    members -= retry_each(batch);
  } else {
    try {
      if (outcome.kind == Outcome::Kind::finished) {
        axis_.check_outputs(batch.operation->outputs, batch.size);
      }
    } catch (...) {
      outcome = {Outcome::Kind::failed, std::current_exception()};
    }
    hand_out(batch, outcome);
  }
  batch.settle();
  Todo todo;
  {
    const std::lock_guard lock{mutex_};
    spare_.push_back(&batch);
    todo = next();
  }
  act(todo);
  count_out(members);
}

/// Completes the members of a batch that is over.
void Batching::hand_out(Batch& batch, const Outcome& outcome) noexcept {
  if (outcome.kind == Outcome::Kind::finished && batch.bytes_to_copy() > many_bytes) {
    Scheduler::look_later();
  }
  std::int64_t row = 0;
  for (auto& part : batch.parts) {
    const auto first = std::exchange(row, row + part.rows);
    part.outcome = outcome;
    if (part.operation && outcome.kind == Outcome::Kind::finished) {
      try {
        if (batch.parts.size() == 1) {
          batch.hand_over(*part.operation, part.rows);
        } else {
          batch.hand_out(*part.operation, first, part.rows);
        }
      } catch (...) {
        part.outcome = {Outcome::Kind::failed, std::current_exception()};
      }
    }
  }
  const detail::WakeUpsTogether together;
  for (auto& part : batch.parts) {
    if (part.operation) {
      finish(std::move(part.operation), std::move(part.outcome));
    }
  }
}

/// The members of a failed batch are run one by one, so that only those fail that cannot run. How
/// many that are.
std::size_t Batching::retry_each(Batch& batch) noexcept {
  std::size_t retried = 0;
  {
    const std::lock_guard lock{mutex_};
    for (auto& part : batch.parts) {
      if (part.operation && !part.operation->stopping()) {
        part.member->operation = std::move(part.operation);
        retries_.push_back(*part.member);
        ++retried;
      }
    }
    stats_.retries += retried;
  }
  hand_out(batch, cancelled());
  return retried;
}

void Batching::fail_waiting(std::exception_ptr error) noexcept {
  std::vector<OperationRef> failed;
  {
    const std::lock_guard lock{mutex_};
    while (!retries_.empty()) {
      failed.push_back(retries_.front().operation);
      remove(retries_.front());
    }
    while (!active_.empty()) {
      auto& member = active_.front().waiting.front();
      failed.push_back(member.operation);
      remove(member);
    }
    for (auto& operation : failed) {
      static_cast<BatchMember&>(*operation->carrier).operation.reset();
    }
  }
  for (auto& operation : failed) {
    finish(std::move(operation), {Outcome::Kind::failed, error});
  }
  count_out(failed.size());
}

/// Completes a member. Its waiter holds it as well: without our reference it is the waiter's alone
/// as soon as he is told, to be used again.
void Batching::finish(OperationRef operation, Outcome outcome) noexcept {
  auto& member = *operation;
  if (!operation->unique()) {
    operation.reset();
  }
  RunFrame::finish(member, std::move(outcome));
}

/// Members were completed. Tells those that wait for the last one.
void Batching::count_out(std::size_t members) noexcept {
  std::vector<OperationRef> closed;
  {
    const std::lock_guard lock{mutex_};
    in_flight_ -= members;
    if (in_flight_ == 0 && closed_) {
      closed.swap(closings_);
    }
  }
  for (const auto& closing : closed) {
    RunFrame::finish(*closing, {});
  }
}

}  // namespace coinfer::runtime
