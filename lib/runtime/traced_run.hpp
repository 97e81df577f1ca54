#pragma once

#include "coinfer/operation.hpp"
#include "coinfer/profiling.hpp"
#include "runtime/stream.hpp"

/// What a trace tells of a run: its wait and its time on a stream, the plan's steps, its caller.
namespace coinfer::runtime {

/// The run gives its stream back between two stages.
void trace_pause(Operation& operation) noexcept;
/// It has a stream again.
void trace_resume(Operation& operation) noexcept;
/// It is over; its stream, if it has one, is still its own.
void trace_end(Operation& operation) noexcept;
/// It ran on the calling thread.
void trace_caller(const Operation& operation) noexcept;
/// The plan's steps, the first of which began at `begin`, by the stream's `step_times`.
void trace_steps(const Operation& operation, Stream& stream, Stream::Bound& bound,
                 trace::Time begin) noexcept;
/// A plan was built, or waited for, on the stream.
void trace_build(const Compiled& model, Stream& stream, trace::Time begin) noexcept;

/// The calling thread has waited for a run since `begin`.
void trace_wait(trace::Time begin) noexcept;

}  // namespace coinfer::runtime
