#pragma once

#include <cstdint>

namespace coinfer {

/// Closes admissions, lets running inferences stop at their next step, and joins all threads. Later
/// starts throw Error. Called at interpreter exit; a C++ program may call it before `main` ends. In
/// a callback or completion handler on a thread of the runtime nothing is joined: the threads end
/// by themselves, and a later call from elsewhere joins them. *Thread safety*: safe.
void shutdown() noexcept;

/// Throws Error, which names the remedy, in a child forked from a process that had used the
/// runtime: what was in flight there never ends here. *Thread safety*: safe.
void check_not_forked();

/// Is this such a child? *Thread safety*: safe.
bool forked_after_use() noexcept;

/// Native objects alive now; each is 0 when everything was released.
struct LiveObjects {
  std::int64_t operations = 0;
  std::int64_t requests = 0;
  std::int64_t compiled_models = 0;
};
LiveObjects live_objects() noexcept;

/// Inferences since the process began. `started` are the others' sum and those in flight.
struct RunCounts {
  std::uint64_t started = 0;
  std::uint64_t finished = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
};

/// The runtime of this process at one moment.
struct Stats {
  RunCounts runs;
  std::int64_t in_flight = 0;  ///< queued or running
  int queued = 0;              ///< waiting for a stream, also parked blocking callers
  int leases = 0;              ///< streams at work
  int workers = 0;             ///< threads that run queued inferences
  int slots = 0;               ///< compute threads that may be at work at once
  int free_slots = 0;
  LiveObjects live;
};
/// *Thread safety*: safe. Takes the scheduler's lock for a moment. Throws Error in a child forked
/// after use.
Stats stats();

}  // namespace coinfer
