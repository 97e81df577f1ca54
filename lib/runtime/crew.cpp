#include "coinfer/detail/crew.hpp"

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "coinfer/error.hpp"

namespace coinfer::detail {

namespace asio = boost::asio;

/// Owned by its coroutine, which may end with its execution context at any time.
struct Crew::Worker {
  asio::strand<asio::any_io_executor> strand;
  asio::cancellation_signal signal;
};

Crew::Crew(asio::any_io_executor executor) : executor_{std::move(executor)} {
  if (!executor_) {
    throw Error("a pipeline's executor was expected, an empty one came");
  }
}

void Crew::spawn(std::size_t count, const std::function<asio::awaitable<void>()>& body,
                 std::function<void()> finished) {
  struct Group {
    std::atomic<std::size_t> left;
    std::function<void()> finished;
  };
  const auto group = std::make_shared<Group>(count, std::move(finished));
  for (std::size_t i = 0; i < count; ++i) {
    const auto worker = std::make_shared<Worker>(asio::make_strand(executor_));
    const auto end = [crew = shared_from_this(), worker, group](std::exception_ptr error) {
      // Workers of a stopped pipeline may find that nothing comes any more: that is not the end.
      if (!error && group->left.fetch_sub(1, std::memory_order_acq_rel) == 1 && !crew->failed()) {
        group->finished();
      }
      crew->ended(std::move(error));
    };
    {
      const std::lock_guard lock{mutex_};
      workers_.push_back(worker);
      ++at_work_;
    }
    asio::co_spawn(worker->strand, body(),
                   asio::bind_cancellation_slot(worker->signal.slot(),
                                                asio::bind_executor(worker->strand, end)));
  }
}

bool Crew::failed() noexcept {
  const std::lock_guard lock{mutex_};
  return error_ != nullptr;
}

void Crew::fail(std::exception_ptr error) noexcept {
  std::vector<std::weak_ptr<Worker>> workers;
  {
    const std::lock_guard lock{mutex_};
    if (error_ || at_work_ == 0) {
      return;
    }
    error_ = std::move(error);
    workers = workers_;
  }
  for (const auto& stop : stops_) {
    stop();
  }
  for (const auto& each : workers) {
    if (const auto worker = each.lock()) {
      asio::post(worker->strand,
                 [worker] { worker->signal.emit(asio::cancellation_type::terminal); });
    }
  }
}

void Crew::ended(std::exception_ptr error) noexcept {
  if (error) {
    fail(std::move(error));
  }
  std::exception_ptr first;
  {
    const std::lock_guard lock{mutex_};
    if (--at_work_ != 0) {
      return;
    }
    first = error_;
  }
  if (first) {
    report_(std::move(first));
  }
}

}  // namespace coinfer::detail
