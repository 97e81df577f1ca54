#pragma once

#include <atomic>
#include <boost/intrusive/set.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "coinfer/operation.hpp"

namespace coinfer::runtime {

/// Stops runs whose deadline has passed. Its thread, which blocks all signals, starts with the
/// first deadline; a thread of its own, because workers may all be computing when a deadline
/// passes.
/// *Thread safety*: shared objects: safe.
class Deadlines {
 public:
  static Deadlines& instance();

  /// Watches a run that has a deadline, and keeps it alive, until `disarm` or the deadline.
  void arm(Operation& operation);
  void disarm(Operation& operation) noexcept;
  /// Ends the thread; `join` waits for its end, and a later call may still do so.
  void stop(bool join);

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

  void watch();

  std::mutex mutex_;
  std::condition_variable changed_;
  Watched watched_;
  std::thread thread_;
  bool stopped_ = false;
};

}  // namespace coinfer::runtime
