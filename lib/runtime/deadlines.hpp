#pragma once

#include <boost/intrusive/set.hpp>

#include "coinfer/operation.hpp"
#include "runtime/timed_thread.hpp"

namespace coinfer::runtime {

/// Stops runs whose deadline has passed. A thread of its own, because workers may all be computing
/// when a deadline passes.
class Deadlines final : public TimedThread {
 public:
  static Deadlines& instance();

  /// Watches a run that has a deadline, and keeps it alive, until `disarm` or the deadline.
  void arm(Operation& operation);
  void disarm(Operation& operation) noexcept;

 private:
  struct Earlier {
    bool operator()(const Operation& left, const Operation& right) const noexcept {
      return left.deadline < right.deadline;
    }
  };
  using Watched = boost::intrusive::multiset<
      Operation,
      boost::intrusive::member_hook<Operation, boost::intrusive::set_member_hook<>,
                                    &Operation::deadline_hook>,
      boost::intrusive::compare<Earlier>>;

  Deadlines() : TimedThread{"coinfer-timeout", AtStop::forget} {}
  ~Deadlines() = default;  // never called
  std::optional<Time> earliest() const override;
  void tell_first(std::unique_lock<std::mutex>& lock) override;

  Watched watched_;
};

}  // namespace coinfer::runtime
