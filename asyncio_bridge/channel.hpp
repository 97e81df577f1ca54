#pragma once

#include <Python.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "asyncio_bridge/mailbox.hpp"
#include "coinfer/profiling.hpp"

namespace coinfer::bridge {

/// The way from completions to one event loop: a mailbox whose eventfd is registered with
/// `loop.add_reader`, or, for loops without it, one coalesced `call_soon_threadsafe`.
///
/// The reader callback's capsule is the only owner: when the loop drops the callback (it was closed
/// or collected) the channel is closed and goes back to the pool. Without a reader a weak reference
/// to the loop, and a call that the loop refuses or drops unmade because it was closed, do the
/// same. Channels are never freed, so a stale pointer is safe to compare. All members but
/// `mailbox.push` need the GIL.
class Channel {
 public:
  /// What has come through the channel of one loop.
  struct Counts {
    std::uint64_t letters = 0;  ///< opened on the loop
    std::uint64_t drains = 0;   ///< the loop's calls for them
  };

  /// The channel of the loop that runs in this thread, made at first use. A new reference to the
  /// loop is not taken. Null with RuntimeError set when no loop runs.
  static Channel* of_running_loop();

  /// Borrowed; null when closed.
  PyObject* loop() const noexcept { return loop_; }
  /// Changes with each loop that this channel serves.
  std::uint64_t generation() const noexcept { return generation_; }
  void post(Letter* letter) noexcept { mailbox_.push(letter); }
  const Counts& counts() const noexcept { return counts_; }

  /// The loop is told of one more run from now on. When the runs before took microseconds and few
  /// are in flight, the loop is not sent to sleep: it looks for letters at its next turn, and waits
  /// awake for a moment.
  void expect() noexcept;
  /// The loop that this channel served in `generation` expects one run less.
  void expect_no_more(std::uint64_t generation) noexcept { expected_ -= generation == generation_; }
  /// How long a run took, from its start to its end.
  void note_run(std::chrono::steady_clock::duration taken) noexcept {
    quick_runs_ = taken > quick ? 0 : std::min(quick_runs_ + 1, enough_quick_runs);
  }

  /// The loop's row in a trace.
  trace::Track track();

  /// Called by the loop: opens the letters that wait, at most `budget` at a time.
  bool drain();
  /// Of a loop without reader, on any thread: has the loop call `drain`.
  void call_loop() noexcept;

 private:
  friend struct ChannelPool;
  static constexpr int budget = 256;
  static constexpr std::chrono::microseconds quick{25};
  static constexpr int enough_quick_runs = 4;
  static constexpr int few = 4;  // with more at once, a loop hardly sleeps

  Channel() = default;
  ~Channel() = delete;
  static Channel* connect(PyObject* loop);
  bool add_reader();
  bool watch_without_reader();
  void disconnect() noexcept;
  bool look();
  bool drain_traced(bool (Channel::*what)());
  bool open_letters();
  bool open(Letter* fresh);

  Mailbox& mailbox_ = *new Mailbox;
  PyObject* loop_ = nullptr;
  PyObject* weak_loop_ = nullptr;  // of a loop without reader
  std::uint64_t generation_ = 0;
  Counts counts_;
  std::optional<trace::Track> track_;
  int expected_ = 0;
  int quick_runs_ = 0;  // the last so many took no longer than `quick`
  PyObject* look_call_ = nullptr;
  bool looking_ = false;       // the loop will call `look_call_`
  Letter* backlog_ = nullptr;  // taken from the mailbox, beyond one drain's budget
  Channel* next_free_ = nullptr;
};

/// The channels of the loops that are open now. Needs the GIL.
std::vector<const Channel*> open_channels();

/// Prepares what the channels need of asyncio; -1 with an exception set on failure.
int prepare_channels();

}  // namespace coinfer::bridge
