#include "runtime/traced_run.hpp"

#include "runtime/run.hpp"

namespace coinfer::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using Station = StampSheet::Station;

/// The stream's row, made when it is first needed.
trace::Track track_of(const Compiled& model, Stream& stream) {
  if (!stream.track) {
    stream.track = trace::new_track(trace::Group::streams,
                                    fmt::format("{}, stream {}", model.name(), stream.number));
  }
  return *stream.track;
}

/// What lacks memory to be recorded is not.
template <class Record>
void recorded(Record record) noexcept {
  try {
    record();
  } catch (const std::bad_alloc&) {
    return;
  }
}

void record_lease(Operation& operation, const trace::Text& text, trace::Time end) {
  if (auto* stream = RunFrame::stream(operation)) {
    trace::span(track_of(*operation.model(), *stream), text, RunFrame::of(operation).leased, end,
                operation.trace_id());
  }
}

}  // namespace

void trace_pause(Operation& operation) noexcept {
  recorded([&] {
    const auto now = Clock::now();
    record_lease(operation, trace::text(operation.model()->name()), now);
    RunFrame::of(operation).paused = now;
  });
}

void trace_resume(Operation& operation) noexcept {
  recorded([&] {
    auto& frame = RunFrame::of(operation);
    frame.leased = Clock::now();
    trace::waited(trace::text(operation.model()->name()), std::exchange(frame.paused, {}),
                  frame.leased, operation.trace_id());
  });
}

void trace_end(Operation& operation) noexcept {
  recorded([&] {
    const auto stamps = operation.stamps();
    const auto& text = trace::text(operation.model()->name());
    const auto& frame = RunFrame::of(operation);
    if (stamps.started == trace::Time{}) {
      trace::waited(text, stamps.queued, stamps.finished, operation.trace_id());
      return;
    }
    trace::waited(text, stamps.queued, stamps.started, operation.trace_id());
    if (frame.paused != trace::Time{}) {
      trace::waited(text, frame.paused, stamps.finished, operation.trace_id());
      return;
    }
    record_lease(operation, text, stamps.finished);
  });
}

void trace_caller(const Operation& operation) noexcept {
  recorded([&] {
    trace::span(trace::this_thread(), trace::text("infer"), operation.stamps().queued, Clock::now(),
                operation.trace_id());
  });
}

void trace_steps(const Operation& operation, Stream& stream, Stream::Bound& bound,
                 trace::Time begin) noexcept {
  recorded([&] {
    if (bound.step_texts.empty()) {
      for (const auto& info : bound.stage->plan->step_infos()) {
        bound.step_texts.push_back(&trace::text(
            info.type,
            fmt::format(R"("node":{},"implementation":{})", trace::json_string(info.node),
                        trace::json_string(info.implementation))));
      }
    }
    const auto track = track_of(*operation.model(), stream);
    for (std::size_t i = 0; i < stream.step_times.size(); ++i) {
      const auto end = begin + stream.step_times[i];
      // A run that was stopped has no time for the steps after.
      if (end != begin) {
        trace::span(track, *bound.step_texts[i], begin, end, operation.trace_id());
      }
      begin = end;
    }
  });
}

void trace_build(const Compiled& model, Stream& stream, trace::Time begin) noexcept {
  recorded([&] {
    trace::span(track_of(model, stream), trace::text("build the plan"), begin, Clock::now());
  });
}

void trace_wait(trace::Time begin) noexcept {
  recorded([&] { trace::span(trace::this_thread(), trace::text("wait"), begin, Clock::now()); });
}

}  // namespace coinfer::runtime
