#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "coinfer/operation.hpp"

namespace coinfer::runtime {

class Request;

/// Ended runs whose callbacks are called one at a time, in the order in which the runs ended: those
/// of one request, or of all requests of a queue. Nobody waits for his turn: the thread whose
/// callback has returned calls the next. Allocates only for a run that finds another one's callback
/// at work.
/// *Thread safety*: shared objects: safe. No lock is held during a callback.
class CallbackLine {
 public:
  /// Lets the request call its callback and complete the run, now or later on another thread.
  /// Blocking calls are refused meanwhile: what they wait for may have its place in this line.
  void pass(Request& request, Operation& operation) noexcept;

 private:
  struct Waiting {
    std::shared_ptr<Request> request;
    OperationRef operation;
  };

  std::mutex mutex_;
  bool busy_ = false;
  std::deque<Waiting> waiting_;
};

}  // namespace coinfer::runtime
