#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "coinfer/profiling.hpp"

/// What a trace consists of until it is written.
namespace coinfer::trace {

struct Event {
  enum class Kind : std::uint8_t { span, instant, waited };
  Time begin;
  Time end;
  const Text* text = nullptr;
  std::uint64_t run = 0;
  Track track = 0;
  Kind kind = Kind::span;
};

/// The events of one thread. One thread appends; any thread may read what was there when it looked.
class Buffer {
 public:
  static constexpr std::size_t chunk_events = 1024;
  static constexpr std::size_t max_events = 256 * chunk_events;

  void append(const Event& event) noexcept;
  void copy_to(std::vector<Event>& events) const;
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  using Chunk = std::array<Event, chunk_events>;
  // Written before the count that makes them visible.
  std::array<std::unique_ptr<Chunk>, max_events / chunk_events> chunks_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

/// A row's place and name.
struct TrackInfo {
  Group group;
  std::string name;
};

/// The whole file. `tracks[i]` is Track i; times count from `begin`.
std::string to_json(std::vector<Event> events, std::span<const TrackInfo> tracks, Time begin,
                    std::uint64_t dropped);

/// Starts a trace when COINFER_TRACE asks for one and none is recorded. Throws Error naming it.
void start_from_environment();
/// `stop` at the end of the process: what goes wrong is said on standard error.
void stop_at_exit() noexcept;

}  // namespace coinfer::trace
