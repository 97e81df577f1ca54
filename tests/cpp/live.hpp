#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <ostream>
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

/// How many native objects there are, kind by kind.
struct Alive {
  std::int64_t operations = 0;
  std::int64_t requests = 0;
  std::int64_t compiled_models = 0;
  std::int64_t counted = 0;

  static Alive now() noexcept {
    const auto live = live_objects();
    return {live.operations, live.requests, live.compiled_models, Counted::alive};
  }
  friend bool operator==(const Alive&, const Alive&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Alive& alive) {
    return out << alive.operations << " operations, " << alive.requests << " requests, "
               << alive.compiled_models << " compiled models, " << alive.counted << " values";
  }
};

/// At its end as many native objects of each kind are alive as at its begin. A worker lets go of a
/// run shortly after its waiters were told, so this waits for a while. Every test case has one
/// around it (main.cpp).
class NothingStays {
 public:
  NothingStays() = default;
  NothingStays(const NothingStays&) = delete;
  NothingStays& operator=(const NothingStays&) = delete;
  ~NothingStays() { check(); }

  void check() const {
    for (int i = 0; i < 10000 && Alive::now() != before_; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    const auto now = Alive::now();
    BOOST_TEST(now == before_, "alive now: " << now << "; before: " << before_);
  }

 private:
  const Alive before_ = Alive::now();
};

}  // namespace coinfer::testing
