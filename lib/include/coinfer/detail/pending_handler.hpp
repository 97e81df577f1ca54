#pragma once

#include <atomic>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/system_executor.hpp>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

/// How an asynchronous operation that another thread ends keeps its completion handler.
namespace coinfer::detail {

/// A handler that waits, in memory of its allocator.
struct ParkedHandler {
  ParkedHandler* previous = nullptr;
  ParkedHandler* next = nullptr;
  std::atomic<ParkedHandler*>* place = nullptr;  ///< who points here
  void (*destroy)(ParkedHandler* self) noexcept = nullptr;
};

/// The handlers that wait for an execution context. Its end destroys them, as it destroys those
/// that wait inside of it: a coroutine whose context goes is freed wherever it is suspended.
/// *Thread safety*: shared objects: safe.
class Parking {
 public:
  /// False when the context is gone: the handler is the caller's to destroy.
  bool add(ParkedHandler& handler) noexcept;
  /// Takes the handler out of `place` and calls `use` with it, under the lock, so that the context
  /// stays until `use` returns. False when there is none any more. An executor that is shut down
  /// may destroy the handler in `use`, and that other ones of the context: the lock is recursive.
  template <class Use>
  bool take(std::atomic<ParkedHandler*>& place, Use use) noexcept {
    const std::lock_guard lock{mutex_};
    auto* handler = place.exchange(nullptr, std::memory_order_acq_rel);
    if (handler == nullptr) {
      return false;
    }
    remove(*handler);
    use(*handler);
    return true;
  }
  /// Destroys all that wait; nothing is added any more.
  void close() noexcept;

 private:
  void remove(ParkedHandler& handler) noexcept;

  std::recursive_mutex mutex_;
  ParkedHandler* first_ = nullptr;
  bool closed_ = false;
};

/// The parking of a context; null for those that outlive all handlers: the runtime's own, and
/// Asio's system context.
std::shared_ptr<Parking> parking_of(boost::asio::execution_context& context);

template <class Executor>
std::shared_ptr<Parking> parking_for(const Executor& executor) {
  namespace asio = boost::asio;
  if constexpr (!std::is_same_v<Executor, asio::system_executor> &&
                asio::can_query_v<const Executor&, asio::execution::context_t>) {
    return parking_of(asio::query(executor, asio::execution::context));
  } else {
    return nullptr;
  }
}

/// A handler with its arguments, to be given to an executor. `Adapt` calls the one with the others.
template <class Adapt, class Handler, class... Args>
struct BoundHandler {
  using allocator_type = boost::asio::associated_allocator_t<Handler>;

  Handler handler;
  std::tuple<Args...> args;

  allocator_type get_allocator() const noexcept {
    return boost::asio::get_associated_allocator(handler);
  }
  void operator()() {
    boost::asio::get_associated_cancellation_slot(handler).clear();
    std::apply([&](auto&&... given) { Adapt{}(std::move(handler), std::move(given)...); },
               std::move(args));
  }
};

struct CallAsIs {
  template <class Handler, class... Args>
  void operator()(Handler&& handler, Args&&... args) const {
    std::forward<Handler>(handler)(std::forward<Args>(args)...);
  }
};

/// Completes an operation that ends within its initiation: the handler is posted.
template <class Adapt = CallAsIs, class Handler, class... Args>
void complete_later(Handler handler, Args... args) {
  const auto executor = boost::asio::get_associated_executor(handler);
  boost::asio::post(executor, BoundHandler<Adapt, Handler, Args...>{
                                  std::move(handler), std::tuple<Args...>{std::move(args)...}});
}

/// A completion handler of any type that waits to be called once, with `Args`, by any thread. It is
/// called through its associated executor; work is kept there meanwhile. It is destroyed uncalled
/// when its execution context or this object goes first.
/// *Thread safety*: `complete` and `pending`: shared objects: safe.
template <class... Args>
class PendingHandler {
 public:
  PendingHandler() = default;
  PendingHandler(const PendingHandler&) = delete;
  PendingHandler& operator=(const PendingHandler&) = delete;
  ~PendingHandler() { drop(); }

  /// Once, before anybody else knows this object.
  template <class Adapt = CallAsIs, class Handler>
  void park(Handler handler) {
    auto* parked = Parked<Adapt, Handler>::make(std::move(handler));
    place_.store(parked, std::memory_order_release);
    parked->place = &place_;
    parking_ = parking_for(parked->work.get_executor());
    if (parking_ && !parking_->add(*parked)) {
      place_.store(nullptr, std::memory_order_release);
      parked->destroy(parked);
    }
  }

  bool pending() const noexcept { return place_.load(std::memory_order_acquire) != nullptr; }

  /// Calls the handler, on this thread if its executor lets it. True for the first caller only.
  bool complete(Args... args) noexcept { return call(true, args...); }
  /// The same, never on this thread before it returned.
  bool complete_later(Args... args) noexcept { return call(false, args...); }

 private:
  struct Callable : ParkedHandler {
    void (*call)(Callable& self, bool may_run_here, Args&... args) noexcept = nullptr;
  };

  /// Of handlers that name no allocator: blocks that Asio's threads keep for reuse.
  using Recycling = boost::asio::recycling_allocator<void>;

  template <class Adapt, class Handler>
  struct Parked : Callable {
    using Executor = boost::asio::associated_executor_t<Handler>;
    using Allocator = typename std::allocator_traits<
        boost::asio::associated_allocator_t<Handler, Recycling>>::template rebind_alloc<Parked>;

    Handler handler;
    boost::asio::executor_work_guard<Executor> work;

    explicit Parked(Handler given)
        : handler{std::move(given)}, work{boost::asio::get_associated_executor(handler)} {
      this->destroy = [](ParkedHandler* self) noexcept { static_cast<Parked*>(self)->release(); };
      this->call = [](Callable& self, bool may_run_here, Args&... args) noexcept {
        static_cast<Parked&>(self).run(may_run_here, args...);
      };
    }

    static Parked* make(Handler handler) {
      Allocator allocator{boost::asio::get_associated_allocator(handler, Recycling{})};
      auto* memory = std::allocator_traits<Allocator>::allocate(allocator, 1);
      return new (memory) Parked{std::move(handler)};
    }

    Handler release() noexcept {
      Handler moved{std::move(handler)};
      Allocator allocator{boost::asio::get_associated_allocator(moved, Recycling{})};
      this->~Parked();
      std::allocator_traits<Allocator>::deallocate(allocator, this, 1);
      return moved;
    }

    /// Frees the memory first, as Asio asks of asynchronous operations, then calls the handler.
    void run(bool may_run_here, Args&... args) noexcept {
      const auto guard = std::move(work);
      auto bound =
          BoundHandler<Adapt, Handler, Args...>{release(), std::tuple<Args...>{std::move(args)...}};
      if (may_run_here) {
        boost::asio::dispatch(guard.get_executor(), std::move(bound));
      } else {
        boost::asio::post(guard.get_executor(), std::move(bound));
      }
    }
  };

  bool call(bool may_run_here, Args&... args) noexcept {
    if (parking_) {
      // Posted, since nothing of the handler may run under the lock.
      return parking_->take(place_, [&](ParkedHandler& handler) {
        auto& callable = static_cast<Callable&>(handler);
        callable.call(callable, false, args...);
      });
    }
    auto* handler = place_.exchange(nullptr, std::memory_order_acq_rel);
    if (handler == nullptr) {
      return false;
    }
    auto& callable = static_cast<Callable&>(*handler);
    callable.call(callable, may_run_here, args...);
    return true;
  }

  void drop() noexcept {
    if (parking_) {
      parking_->take(place_, [](ParkedHandler& handler) { handler.destroy(&handler); });
    } else if (auto* handler = place_.exchange(nullptr, std::memory_order_acq_rel)) {
      handler->destroy(handler);
    }
  }

  std::atomic<ParkedHandler*> place_{nullptr};
  std::shared_ptr<Parking> parking_;
};

}  // namespace coinfer::detail
