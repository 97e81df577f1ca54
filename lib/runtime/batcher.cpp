#include "coinfer/batcher.hpp"

#include "coinfer/error.hpp"
#include "runtime/batching.hpp"

namespace coinfer {
namespace {

/// Blocks until the operation is over; throws what it failed with.
void wait(Operation& operation) {
  if (runtime::Executor::on_worker()) {
    throw Error(
        "a batcher was opened or closed with a blocking call on a stream's thread, where it could "
        "wait for itself; use async_open and async_close");
  }
  wait_until_complete(operation, std::nullopt, {});
  operation.completion.outcome().get();
}

}  // namespace

Batcher::Batcher(const CompiledModel& model, const BatcherOptions& options)
    : impl_{std::make_shared<runtime::Batching>(model.impl(), options)} {}

void Batcher::open() { wait(*impl_->open()); }
void Batcher::close() { wait(*impl_->close()); }
BatcherStats Batcher::stats() const { return impl_->stats(); }
void Batcher::start(const OperationRef& operation) { impl_->start(operation); }
OperationRef Batcher::start_opening() { return impl_->open(); }
OperationRef Batcher::start_closing() { return impl_->close(); }

OperationRef Batcher::make_operation(std::vector<Tensor> inputs) const {
  OperationRef operation{new Operation{impl_->model()}};
  operation->inputs = std::move(inputs);
  return operation;
}

}  // namespace coinfer
