#include "runtime/queue_state.hpp"

#include "coinfer/error.hpp"
#include "runtime/request.hpp"

namespace coinfer::runtime {

QueueState::QueueState(const CompiledModel& model, std::size_t jobs) : model_{model}, slots_(jobs) {
  const auto line = std::make_shared<CallbackLine>();
  for (std::size_t i = 0; i < jobs; ++i) {
    requests_.push_back(model.create_infer_request());
    requests_.back().impl()->join_line(line);
    idle_.push_back(i);
    slots_[i].index = i;
    slots_[i].fire = [](Continuation* self, const Outcome& outcome) noexcept {
      auto& slot = *static_cast<Slot*>(self);
      const auto owner = std::move(slot.owner);
      owner->ended(slot, outcome);
    };
  }
}

bool QueueState::ready() const {
  const std::lock_guard lock{mutex_};
  return !idle_.empty();
}

std::optional<std::size_t> QueueState::try_take() {
  const std::lock_guard lock{mutex_};
  if (idle_.empty()) {
    return std::nullopt;
  }
  const auto slot = idle_.front();
  idle_.pop_front();
  return slot;
}

void QueueState::apply(std::shared_ptr<Applicant> applicant) {
  std::size_t slot = 0;
  {
    const std::lock_guard lock{mutex_};
    if (idle_.empty()) {
      waiting_.push_back(std::move(applicant));
      return;
    }
    slot = idle_.front();
    idle_.pop_front();
  }
  if (!applicant->given(slot)) {
    give_back(slot);
  }
}

bool QueueState::withdraw(const Applicant& applicant) noexcept {
  std::shared_ptr<Applicant> removed;
  const std::lock_guard lock{mutex_};
  const auto found =
      std::ranges::find_if(waiting_, [&](const auto& each) { return each.get() == &applicant; });
  if (found == waiting_.end()) {
    return false;
  }
  removed = std::move(*found);
  waiting_.erase(found);
  return true;
}

void QueueState::give_back(std::size_t slot) noexcept {
  for (;;) {
    std::shared_ptr<Applicant> next;
    {
      const std::lock_guard lock{mutex_};
      if (waiting_.empty()) {
        idle_.push_back(slot);
        changed_.notify_all();
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (next->given(slot)) {
      return;
    }
  }
}

std::deque<std::shared_ptr<Applicant>> QueueState::dismiss() {
  const std::lock_guard lock{mutex_};
  return std::exchange(waiting_, {});
}

void QueueState::start(std::size_t index, std::vector<Tensor> inputs, std::any userdata) {
  auto& slot = slots_[index];
  auto request = requests_[index];
  try {
    if (inputs.size() != request.model_inputs().size()) {
      throw Error(fmt::format("the queue's model has {} inputs; {} tensors came",
                              request.model_inputs().size(), inputs.size()));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      request.set_input_tensor(i, std::move(inputs[i]));
    }
    slot.userdata = std::move(userdata);
    slot.owner = shared_from_this();
    request.start({.continuation = &slot, .operation = &slot.run});
  } catch (...) {
    slot.owner.reset();
    slot.run.reset();
    give_back(index);
    throw;
  }
}

void QueueState::ended(Slot& slot, const Outcome& outcome) noexcept {
  const auto run = std::move(slot.run);
  run->observe();
  auto error = run->take_callback_error();
  if (!error) {
    error = outcome.error;
  }
  if (error) {
    const std::lock_guard lock{mutex_};
    if (!error_) {
      error_ = std::move(error);
    }
  }
  give_back(slot.index);
}

void QueueState::wait_all() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return idle_.size() == requests_.size(); });
  if (auto error = std::exchange(error_, nullptr)) {
    lock.unlock();
    std::rethrow_exception(error);
  }
}

void QueueState::set_callback(std::function<void(InferRequest&, std::any&)> callback) {
  for (const auto& request : requests_) {
    request.check_idle();
  }
  const auto shared =
      std::make_shared<const std::function<void(InferRequest&, std::any&)>>(std::move(callback));
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (!*shared) {
      requests_[i].set_callback(nullptr);
      continue;
    }
    requests_[i].set_callback([weak = weak_from_this(), shared, i](std::exception_ptr error) {
      const auto queue = weak.lock();
      if (queue && !error) {
        auto request = queue->requests_[i];
        (*shared)(request, queue->slots_[i].userdata);
      }
    });
  }
}

bool QueuedRun::given(std::size_t slot) noexcept {
  slot_ = slot;
  return wanted() && start();
}

void QueuedRun::cancel() noexcept {
  if (queue_->withdraw(*this)) {
    fail(std::make_exception_ptr(Cancelled{}));
    return;
  }
  ModelRun::cancel();
}

}  // namespace coinfer::runtime
