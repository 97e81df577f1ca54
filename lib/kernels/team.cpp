#include "kernels/team.hpp"

#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace coinfer::kernels {
namespace {

constexpr int parts_bits = 8;
constexpr std::uint64_t parts_mask = (1U << parts_bits) - 1;
/// Looks of a helper for the next section, some 20 us.
constexpr int most_looks = 500;
/// Looks of the leader for the end of a section, before it lets others have its core.
constexpr int looks_awake = 2000;

thread_local Team* leading = nullptr;

void look_again() { _mm_pause(); }

}  // namespace

Team::Team(int threads)
    : parts_(static_cast<std::size_t>(threads)), helpers_(static_cast<std::size_t>(threads)) {}

Team::~Team() = default;

Team* Team::current() { return leading; }

Team::Lead::Lead(Team* team) : team_{team}, outer_{leading} { leading = team; }

Team::Lead::~Lead() {
  leading = outer_;
  if (team_ != nullptr) {
    team_->dismiss();
    team_->errands_.wait();
    team_->gone_.take();
  }
}

void Team::dismiss() {
  if (open_) {
    open_ = false;
    section_.store(number_ << parts_bits, std::memory_order_release);
  }
}

bool Team::take(std::int64_t part, std::uint64_t section) {
  auto& taken = parts_[static_cast<std::size_t>(part)].taken;
  auto last = taken.load(std::memory_order_relaxed);
  return last < section && taken.compare_exchange_strong(last, section, std::memory_order_relaxed);
}

void Team::run(std::int64_t parts, Call call, void* context) {
  if (busy_) {
    // A section within a part of another one.
    for (std::int64_t part = 0; part < parts; ++part) {
      call(context, part);
    }
    return;
  }
  busy_ = true;
  open_ = true;
  const auto section = ++number_;
  call_ = call;
  context_ = context;
  left_.store(parts, std::memory_order_relaxed);
  section_.store(section << parts_bits | static_cast<std::uint64_t>(parts),
                 std::memory_order_release);
  for (std::int64_t i = 1; i < parts; ++i) {
    auto& place = helpers_[static_cast<std::size_t>(i)].place;
    if (place.load(std::memory_order_relaxed) == Place::away) {
      place.store(Place::called, std::memory_order_relaxed);
      called_.give();
      errands_.run(
          [](void* team, int number) { static_cast<Team*>(team)->help(number); }, this,
          static_cast<int>(i));
    }
  }
  std::int64_t done = 1;
  call(context, 0);
  for (std::int64_t part = 1; part < parts; ++part) {
    if (take(part, section)) {
      call(context, part);
      ++done;
    }
  }
  if (left_.fetch_sub(done, std::memory_order_acq_rel) != done) {
    for (int looks = 0; left_.load(std::memory_order_acquire) != 0; ++looks) {
      if (looks < looks_awake) {
        look_again();
      } else {
        std::this_thread::yield();
      }
    }
  }
  busy_ = false;
}

void Team::help(int number) {
  called_.take();
  auto& place = helpers_[static_cast<std::size_t>(number)].place;
  // The leader may come here itself, while it waits for somebody else's tasks.
  if (leading != this) {
    place.store(Place::here, std::memory_order_relaxed);
    help_until_idle(number);
  }
  place.store(Place::away, std::memory_order_relaxed);
  gone_.give();
}

void Team::help_until_idle(int number) {
  std::uint64_t last = 0;
  for (int looks = 0; looks < most_looks; ++looks) {
    const auto now = section_.load(std::memory_order_acquire);
    const auto parts = static_cast<std::int64_t>(now & parts_mask);
    if (parts == 0) {
      return;
    }
    if (now == last) {
      look_again();
      continue;
    }
    last = now;
    looks = 0;
    // The helper's own part, and then those of helpers who are late. The first is the leader's.
    for (std::int64_t i = 1; i < parts; ++i) {
      const auto part = (number - 1 + i - 1) % (parts - 1) + 1;
      if (take(part, now >> parts_bits)) {
        call_(context_, part);
        left_.fetch_sub(1, std::memory_order_release);
      }
    }
  }
}

}  // namespace coinfer::kernels
