#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace coinfer::testing {

/// How much went on at once: the largest sum of the weights of intervals that overlap.
class Overlap {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(Time begin, Time end, int weight) {
    changes_.push_back({begin, weight});
    changes_.push_back({end, -weight});
  }

  int most() {
    // Of two changes at one time the end comes first.
    std::ranges::sort(changes_, [](const Change& a, const Change& b) {
      return a.at != b.at ? a.at < b.at : a.by < b.by;
    });
    int now = 0;
    int most = 0;
    for (const auto& change : changes_) {
      now += change.by;
      most = std::max(most, now);
    }
    return most;
  }

 private:
  struct Change {
    Time at;
    int by;
  };
  std::vector<Change> changes_;
};

}  // namespace coinfer::testing
