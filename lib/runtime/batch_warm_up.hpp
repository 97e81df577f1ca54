#pragma once

#include <memory>

#include "coinfer/operation.hpp"
#include "runtime/batch_axis.hpp"

namespace coinfer::runtime {

/// Runs zeros in every size of batch, one after another on the model's streams, so that all plans
/// are there when requests come. At once over for a model with other dynamic dimensions.
///
/// The operation returned is completed when it is over; it fails when an output lacks the batch
/// axis, or when a larger batch cannot be run but a single row can. (When not even that runs on
/// zeros, they are no values for this model, and it is over.)
OperationRef warm_up(std::shared_ptr<Compiled> model, const BatchAxis& axis);

}  // namespace coinfer::runtime
