#include "coinfer/infer_queue.hpp"

#include <semaphore>

#include "coinfer/error.hpp"
#include "coinfer/pipeline.hpp"
#include "runtime/executor.hpp"
#include "runtime/process.hpp"
#include "runtime/queue_state.hpp"

namespace coinfer {
namespace {

/// A thread that waits for a request.
struct BlockedCaller final : runtime::Applicant {
  std::binary_semaphore told{0};
  std::size_t slot = 0;

  bool given(std::size_t index) noexcept override {
    slot = index;
    told.release();
    return true;
  }
};

void check_may_block(const char* what) {
  if (runtime::Executor::on_worker()) {
    throw Error(fmt::format(
        "{} of a queue would block on a stream's thread, where it could wait for itself; use "
        "async_infer",
        what));
  }
  runtime::check_usable();
}

}  // namespace

InferQueue::InferQueue(const CompiledModel& model, std::size_t jobs)
    : state_{std::make_shared<runtime::QueueState>(
          model, jobs != 0 ? jobs : detail::suitable_concurrency(model))} {}

InferQueue::~InferQueue() {
  if (!state_) {
    return;
  }
  for (const auto& applicant : state_->dismiss()) {
    // Nobody blocks in a call of an object that is destroyed.
    static_cast<runtime::QueuedRun&>(*applicant)
        .fail(std::make_exception_ptr(Cancelled{"the queue is gone"}));
  }
}

std::size_t InferQueue::size() const noexcept { return state_->requests().size(); }

InferRequest InferQueue::operator[](std::size_t index) const {
  if (index >= size()) {
    throw Error(fmt::format("the queue has {} requests; there is no request {}", size(), index));
  }
  return state_->requests()[index];
}

bool InferQueue::is_ready() const { return state_->ready(); }

std::shared_ptr<detail::ModelRun> InferQueue::queued_run(
    const std::shared_ptr<runtime::QueueState>& state) {
  return std::make_shared<runtime::QueuedRun>(state);
}

void InferQueue::start(const std::shared_ptr<runtime::QueueState>& state, detail::ModelRun& run,
                       std::vector<Tensor> inputs) {
  try {
    run.prepare(state->model().impl(), std::move(inputs));
    state->apply(std::static_pointer_cast<runtime::QueuedRun>(run.shared_from_this()));
  } catch (...) {
    run.fail(std::current_exception());
  }
}

void InferQueue::start_async(std::vector<Tensor> inputs, std::any userdata) {
  auto slot = state_->try_take();
  if (!slot) {
    check_may_block("start_async");
    const auto caller = std::make_shared<BlockedCaller>();
    state_->apply(caller);
    caller->told.acquire();
    slot = caller->slot;
  }
  state_->start(*slot, std::move(inputs), std::move(userdata));
}

void InferQueue::wait_all() {
  check_may_block("wait_all");
  state_->wait_all();
}

void InferQueue::set_callback(std::function<void(InferRequest&, std::any&)> callback) {
  state_->set_callback(std::move(callback));
}

}  // namespace coinfer
