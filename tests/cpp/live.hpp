#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "coinfer/runtime.hpp"

/// What tests count to see that everything was released.
namespace coinfer::testing {

/// A number that counts its copies, not what is left of it where it was moved away: for values that
/// pass through channels and coroutines.
struct Counted {
  static inline std::atomic<int> alive{0};
  int value = 0;

  explicit Counted(int number) : value{number}, here_{true} { ++alive; }
  Counted(const Counted& other) : value{other.value}, here_{other.here_} { alive += here_ ? 1 : 0; }
  Counted(Counted&& other) noexcept
      : value{other.value}, here_{std::exchange(other.here_, false)} {}
  Counted& operator=(Counted other) noexcept {
    value = other.value;
    std::swap(here_, other.here_);
    return *this;
  }
  ~Counted() { alive -= here_ ? 1 : 0; }

 private:
  bool here_;
};

/// At its end as many native objects are alive as at its begin. A worker lets go of a run shortly
/// after its waiters were told, so this waits for a while.
class NothingStays {
 public:
  NothingStays() : before_{now()} {}
  NothingStays(const NothingStays&) = delete;
  NothingStays& operator=(const NothingStays&) = delete;
  ~NothingStays() { check(); }

  void check() const {
    for (int i = 0; i < 10000 && now() > before_; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    BOOST_TEST(now() <= before_, "native objects are still alive");
  }

 private:
  static std::int64_t now() {
    const auto live = live_objects();
    return live.operations + live.requests + live.compiled_models + Counted::alive;
  }
  const std::int64_t before_;
};

}  // namespace coinfer::testing
