#pragma once

#include <any>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "coinfer/compiled_model.hpp"
#include "coinfer/detail/model_run.hpp"
#include "coinfer/infer_request.hpp"

namespace coinfer::runtime {

/// Someone who waits for an idle request of a queue.
struct Applicant {
  /// Called once, with no lock held. False: the request is not used.
  virtual bool given(std::size_t slot) noexcept = 0;

 protected:
  ~Applicant() = default;
};

/// The requests of a queue, which of them are idle, and who waits. Shared with the runs in flight.
/// *Thread safety*: shared objects: safe.
class QueueState : public std::enable_shared_from_this<QueueState> {
 public:
  QueueState(const CompiledModel& model, std::size_t jobs);

  const CompiledModel& model() const noexcept { return model_; }
  const std::vector<InferRequest>& requests() const noexcept { return requests_; }
  bool ready() const;

  std::optional<std::size_t> try_take();
  /// Gives a request at once or later.
  void apply(std::shared_ptr<Applicant> applicant);
  /// False when the applicant was given one already.
  bool withdraw(const Applicant& applicant) noexcept;
  void give_back(std::size_t slot) noexcept;
  /// Those who wait now, who are nobody's any more.
  std::deque<std::shared_ptr<Applicant>> dismiss();

  /// Runs the slot's request, taken before; throws what it cannot start with.
  void start(std::size_t slot, std::vector<Tensor> inputs, std::any userdata);
  void wait_all();
  void set_callback(std::function<void(InferRequest&, std::any&)> callback);

 private:
  struct Slot : Continuation {
    std::size_t index = 0;
    std::any userdata;
    OperationRef run;
    std::shared_ptr<QueueState> owner;  // while a run is in flight
  };
  void ended(Slot& slot, const Outcome& outcome) noexcept;

  const CompiledModel model_;
  std::vector<InferRequest> requests_;
  std::vector<Slot> slots_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::size_t> idle_;
  std::deque<std::shared_ptr<Applicant>> waiting_;
  std::exception_ptr error_;  // the first that nobody was told
};

/// An awaited run of a queue, which waits for a request first.
class QueuedRun final : public detail::ModelRun, public Applicant {
 public:
  explicit QueuedRun(std::shared_ptr<QueueState> queue) : queue_{std::move(queue)} {}

  bool given(std::size_t slot) noexcept override;
  void cancel() noexcept override;

 private:
  void ended() noexcept override { queue_->give_back(slot_); }

  const std::shared_ptr<QueueState> queue_;
  std::size_t slot_ = 0;
};

}  // namespace coinfer::runtime
