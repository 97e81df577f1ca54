#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coinfer {

/// When a run passed its stations, on the steady clock; zero for stations not reached.
struct Stamps {
  std::chrono::steady_clock::time_point queued;
  std::chrono::steady_clock::time_point started;
  std::chrono::steady_clock::time_point finished;
  /// When its callback had returned and waiters were told; without a callback `finished`.
  std::chrono::steady_clock::time_point delivered;
  /// Kernel thread id of the thread that ran (the first stage of) it.
  int thread = 0;
};

/// The stamps of a run under way. *Thread safety*: written by whoever has the run at hand, read by
/// any thread at any time: a station that is seen was preceded by those before it.
class StampSheet {
 public:
  enum class Station : std::uint8_t { queued, started, finished, delivered };
  using Clock = std::chrono::steady_clock;

  void set(Station station, Clock::time_point time) noexcept {
    at(station).store(time.time_since_epoch().count(), std::memory_order_release);
  }
  void set_thread(int id) noexcept { thread_.store(id, std::memory_order_relaxed); }
  Clock::time_point operator[](Station station) const noexcept {
    return Clock::time_point{Clock::duration{at(station).load(std::memory_order_acquire)}};
  }
  /// Later stations are read first, so that none of them lacks an earlier one.
  Stamps read() const noexcept {
    Stamps stamps;
    stamps.delivered = (*this)[Station::delivered];
    stamps.finished = (*this)[Station::finished];
    stamps.started = (*this)[Station::started];
    stamps.thread = thread_.load(std::memory_order_relaxed);
    stamps.queued = (*this)[Station::queued];
    return stamps;
  }
  /// Only when nobody else knows the run.
  void clear() noexcept {
    for (auto& time : times_) {
      time.store(0, std::memory_order_relaxed);
    }
    thread_.store(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<Clock::rep>& at(Station station) noexcept {
    return times_[static_cast<std::size_t>(station)];
  }
  const std::atomic<Clock::rep>& at(Station station) const noexcept {
    return times_[static_cast<std::size_t>(station)];
  }

  std::array<std::atomic<Clock::rep>, 4> times_{};
  std::atomic<int> thread_{0};
};

}  // namespace coinfer
