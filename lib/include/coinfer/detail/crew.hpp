#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace coinfer::detail {

/// The coroutines that work in a pipeline. The first error cancels all of them and is handed on
/// once, when the last has ended. Each runs in a strand of its own, so that the executor may have
/// any number of threads. *Thread safety*: shared objects: safe, once `begin` was called.
class Crew : public std::enable_shared_from_this<Crew> {
 public:
  /// Throws Error when the executor is empty.
  explicit Crew(boost::asio::any_io_executor executor);

  /// What is called, once, right after the first error.
  void when_failed(std::function<void()> stop) { stops_.push_back(std::move(stop)); }
  /// What is called with the first error when nobody works any more.
  void at_failed_end(std::function<void(std::exception_ptr)> report) {
    report_ = std::move(report);
  }
  /// Lets `count` coroutines work; `finished` is called when all of them have ended without error.
  void spawn(std::size_t count, const std::function<boost::asio::awaitable<void>()>& body,
             std::function<void()> finished);
  /// All are spawned.
  void begin() { ended(nullptr); }

  /// The first error stops the work; later ones are ignored, and so is one after the end.
  void fail(std::exception_ptr error) noexcept;

 private:
  struct Worker;
  bool failed() noexcept;
  void ended(std::exception_ptr error) noexcept;

  const boost::asio::any_io_executor executor_;
  std::vector<std::function<void()>> stops_;
  std::function<void(std::exception_ptr)> report_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Worker>> workers_;
  std::size_t at_work_ = 1;  // until `begin`, one more than there are
  std::exception_ptr error_;
};

}  // namespace coinfer::detail
