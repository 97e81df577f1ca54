#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "coinfer/infer_request.hpp"
#include "coinfer/operation.hpp"
#include "runtime/callback_line.hpp"
#include "runtime/compiled.hpp"
#include "runtime/states.hpp"

namespace coinfer::runtime {

/// A request's tensors, and the one run it may have in flight.
class Request : public std::enable_shared_from_this<Request>, private Gate, private Owner {
 public:
  explicit Request(std::shared_ptr<Compiled> model);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const std::shared_ptr<Compiled>& model() const { return model_; }

  Tensor input(std::size_t index);
  Tensor output(std::size_t index);
  void set_input(std::size_t index, Tensor tensor);
  Tensor own_input(std::size_t index, const Shape& shape);
  void set_output(std::size_t index, Tensor tensor);

  OperationRef start(const StartOptions& options);
  OperationRef infer(const std::function<bool()>& interrupted);
  void set_callback(std::function<void(std::exception_ptr)> callback);
  /// Its callbacks are called in this line, not in one of its own. Before the first run.
  void join_line(std::shared_ptr<CallbackLine> line) { line_ = std::move(line); }
  /// Calls the callback of a run that has ended and completes the run.
  void call_back(Operation& operation) noexcept;
  /// The model's variables by index. RequestBusy while a run is in flight.
  std::size_t variables() const { return states_.size(); }
  const std::string& variable_name(std::size_t index) const;
  Tensor state(std::size_t index) const;
  void set_state(std::size_t index, const Tensor& tensor);
  void reset_state(std::size_t index);
  void check_idle() const;
  bool busy() const;
  OperationRef current() const;

 private:
  void ended(Operation& operation) noexcept;
  struct Claim {
    OperationRef operation;
    bool starts;  ///< false when it waits for an abandoned run
  };
  Claim claim(const StartOptions& options, bool inline_run);
  const OperationRef& latest_locked() const {
    return pending_.empty() ? current_ : pending_.back();
  }
  void unclaim() noexcept;
  void wait_for_abandoned();
  void check_index(std::size_t index, std::size_t count, const char* what) const;
  [[noreturn]] void throw_busy() const;
  void check_idle_locked() const;

  std::shared_ptr<Compiled> model_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> own_inputs_;
  std::vector<Tensor> outputs_;
  States states_;
  std::function<void(std::exception_ptr)> callback_;
  std::shared_ptr<CallbackLine> line_ = std::make_shared<CallbackLine>();

  mutable std::mutex mutex_;
  OperationRef current_;  // started last
  std::deque<OperationRef>
      pending_;  // wait, each behind an abandoned one, for `current_` to be idle
  OperationRef spare_;
  bool busy_ = false;
};

}  // namespace coinfer::runtime
