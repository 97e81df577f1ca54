#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/parallel.hpp"

namespace coinfer::kernels {

/// Threads of an arena that wait awake from one parallel section of a run to the next. TBB takes a
/// microsecond or two to call a thread, and some sections last for no more than that.
///
/// One thread leads: it publishes a section, does the first part, and what nobody else has begun;
/// helpers, TBB's threads in a task of ours, each try their own part first. So a section ends
/// without helpers too, when they have not come yet or have gone: they wait for a moment only, and
/// are called again when they are missing. *Thread safety*: used by the leading thread only.
class Team {
 public:
  using Call = void (*)(void* context, std::int64_t part);

  /// As many as the arena in which it will lead has slots, at most 255.
  explicit Team(int threads);
  ~Team();

  /// While it exists, sections that this thread begins are the team's (for_each_part).
  class Lead {
   public:
    /// Null: nobody's.
    explicit Lead(Team* team);
    ~Lead();
    Lead(const Lead&) = delete;
    Lead& operator=(const Lead&) = delete;

   private:
    Team* const team_;
    Team* const outer_;
  };

  /// Which the calling thread leads; else null.
  static Team* current();

  /// Calls call(context, part) for each part, of which there are not more than threads.
  void run(std::int64_t parts, Call call, void* context);

  /// Sends the helpers away, because somebody else is about to call TBB's threads. They come again
  /// with the next section.
  void dismiss();

 private:
  enum class Place : std::uint8_t { away, called, here };
  struct alignas(64) Helper {
    std::atomic<Place> place{Place::away};
  };
  /// The number of the last section of which the part is somebody's.
  struct alignas(64) Part {
    std::atomic<std::uint64_t> taken{0};
  };

  bool take(std::int64_t part, std::uint64_t section);
  void help(int number);
  void help_until_idle(int number);

  // Read by helpers at each section, so in one line: its number, shifted by `parts_bits`, with how
  // many parts it has; none when helpers are to go.
  alignas(64) std::atomic<std::uint64_t> section_{0};
  Call call_ = nullptr;
  void* context_ = nullptr;

  alignas(64) std::atomic<std::int64_t> left_{0};  ///< parts that have not ended

  std::vector<Part> parts_;
  std::vector<Helper> helpers_;  ///< but the first, which would be the leader
  std::uint64_t number_ = 0;
  bool open_ = false;  ///< helpers are not sent away
  bool busy_ = false;  ///< within a section
  Errands errands_;
  Handover called_;
  Handover gone_;
};

}  // namespace coinfer::kernels
