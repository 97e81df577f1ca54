#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "coinfer/batcher.hpp"
#include "runtime/alarm.hpp"
#include "runtime/batch.hpp"
#include "runtime/batch_axis.hpp"
#include "runtime/batch_warm_up.hpp"
#include "runtime/compiled.hpp"

namespace coinfer::runtime {

/// Requests whose rows can be joined: their shapes but for the batch axis are equal.
struct BatchGroup : boost::intrusive::list_base_hook<> {
  PlanKey key;
  boost::intrusive::list<BatchMember, boost::intrusive::constant_time_size<true>> waiting;
  std::int64_t rows = 0;  ///< of those that wait
  int priority = 0;       ///< highest seen since it was empty
  bool mixed = false;     ///< were priorities different?
};

/// Decides which requests run together, and when. At most one batch at a time waits for a stream;
/// it takes its members when it is granted one, so that batches grow while streams are busy.
/// *Thread safety*: shared objects: safe. The lock is held for queue operations only.
class Batching : public std::enable_shared_from_this<Batching>, public Alarm {
 public:
  using Clock = std::chrono::steady_clock;

  /// Throws Error when the model cannot be batched.
  Batching(std::shared_ptr<Compiled> model, const BatcherOptions& options);
  ~Batching() override;

  const std::shared_ptr<Compiled>& model() const noexcept { return model_; }
  const BatchAxis& axis() const noexcept { return axis_; }

  /// See Batcher.
  void start(const OperationRef& operation);
  OperationRef open();
  OperationRef close();
  BatcherStats stats() const;

 private:
  /// Throws Error. Needs the lock.
  void check_not_closed() const;
  friend struct BatchMember;
  friend class Batch;

  /// What is to be done once the lock is released.
  struct Todo {
    Batch* start = nullptr;
    std::optional<Clock::time_point> alarm;
  };

  Todo admit(BatchMember& member, const OperationRef& operation);
  void ring() noexcept override;
  void stop(BatchMember& member) noexcept;
  void bind(Batch& batch);
  void ended(Batch& batch) noexcept;

  // These need the lock.
  Todo next();
  void append(BatchMember& member);
  void remove(BatchMember& member);
  BatchGroup& group_of(const PlanKey& key);
  bool due(const BatchGroup& group, Clock::time_point now) const;
  void choose(Batch& batch);
  void choose_from(BatchGroup& group, Batch& batch);
  void add(Batch& batch, BatchMember& member);
  Batch& take_batch();

  void act(const Todo& todo) noexcept;
  void arm(Clock::time_point time) noexcept;
  void fail_waiting(std::exception_ptr error) noexcept;
  void drop_stopped(Batch& batch);
  void hand_out(Batch& batch, const Outcome& outcome) noexcept;
  std::size_t retry_each(Batch& batch) noexcept;
  void finish(OperationRef operation, Outcome outcome) noexcept;
  void count_out(std::size_t members) noexcept;

  const std::shared_ptr<Compiled> model_;
  const BatchAxis axis_;
  const std::chrono::nanoseconds max_delay_;

  mutable std::mutex mutex_;
  std::unordered_map<PlanKey, BatchGroup, PlanKeyHash> groups_;
  boost::intrusive::list<BatchGroup> active_;    // those with waiting members
  boost::intrusive::list<BatchMember> retries_;  // each to be run alone
  PlanKey key_;                                  // of the request at hand
  std::vector<std::unique_ptr<Batch>> batches_;
  std::vector<Batch*> spare_;
  bool batch_waits_ = false;  // for a stream
  std::optional<Clock::time_point> alarm_at_;
  std::size_t in_flight_ = 0;  // members not yet completed
  bool closed_ = false;
  std::vector<OperationRef> closings_;  // completed when nothing is in flight
  BatcherStats stats_;
};

}  // namespace coinfer::runtime
