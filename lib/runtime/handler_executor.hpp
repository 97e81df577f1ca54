#pragma once

#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <type_traits>
#include <utility>

#include "runtime/executor.hpp"

namespace coinfer::runtime {

/// The workers' Asio executor as applications get it: a worker that runs one of their handlers does
/// not count as one that waits for permits. `Inner` is an executor of the Executor's io_context.
/// *Thread safety*: shared objects: safe.
template <class Inner>
class HandlerExecutor {
 public:
  HandlerExecutor(Executor& owner, Inner inner) noexcept
      : owner_{&owner}, inner_{std::move(inner)} {}

  friend bool operator==(const HandlerExecutor&, const HandlerExecutor&) noexcept = default;

  template <class Property>
    requires boost::asio::can_query_v<const Inner&, Property>
  decltype(auto) query(const Property& property) const
      noexcept(boost::asio::is_nothrow_query_v<const Inner&, Property>) {
    return boost::asio::query(inner_, property);
  }
  template <class Property>
    requires boost::asio::can_require_v<const Inner&, Property>
  auto require(const Property& property) const noexcept {
    return with(boost::asio::require(inner_, property));
  }
  template <class Property>
    requires boost::asio::can_prefer_v<const Inner&, Property>
  auto prefer(const Property& property) const noexcept {
    return with(boost::asio::prefer(inner_, property));
  }

  template <class Function>
  void execute(Function&& function) const {
    namespace execution = boost::asio::execution;
    const bool here =
        inner_.running_in_this_thread() &&
        boost::asio::query(inner_, execution::blocking) == execution::blocking.possibly;
    if (!here) {
      owner_->start_worker_if_none_idle();
    }
    inner_.execute(Handler<std::decay_t<Function>>{owner_, std::forward<Function>(function)});
    if (!here) {
      owner_->handler_posted();
    }
  }

 private:
  template <class Function>
  struct Handler {
    Executor* owner;
    Function function;
    void operator()() {
      owner->begin_handler();
      std::move(function)();
    }
  };

  template <class Other>
  HandlerExecutor<Other> with(Other inner) const noexcept {
    return {*owner_, std::move(inner)};
  }

  Executor* owner_;
  Inner inner_;
};

}  // namespace coinfer::runtime
