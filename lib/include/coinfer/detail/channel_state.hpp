#pragma once

#include <algorithm>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <cstdint>
#include <deque>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "coinfer/detail/pending_handler.hpp"
#include "coinfer/error.hpp"

namespace coinfer::detail {

/// A value and its position in the order of the channel it came from.
template <class T>
struct Numbered {
  std::uint64_t position;
  T value;
};

/// What the handles of a channel share: a ring of `capacity` places, where position p lies at
/// p % capacity, and those who wait for a place or a value. Senders either all take the next
/// position or all name it themselves; in the second case values come out in the order of their
/// positions, and a sender waits until its position is among the `capacity` that come out next.
/// *Thread safety*: shared objects: safe. No handler is called under the lock.
template <class T>
class ChannelState : public std::enable_shared_from_this<ChannelState<T>> {
 public:
  using Sent = PendingHandler<std::exception_ptr, bool>;
  using Received = PendingHandler<std::exception_ptr, std::optional<Numbered<T>>>;

  /// For handlers that take the value without its position.
  struct ValueOnly {
    template <class Handler>
    void operator()(Handler handler, std::exception_ptr error,
                    std::optional<Numbered<T>> received) const {
      std::move(handler)(std::move(error), received ? std::optional<T>{std::move(received->value)}
                                                    : std::optional<T>{});
    }
  };

  explicit ChannelState(std::size_t capacity) : ring_(capacity) {
    if (capacity == 0) {
      throw Error("a channel's capacity is at least 1; 0 came");
    }
  }

  std::size_t capacity() const noexcept { return ring_.size(); }

  /// Sends to the next position, or to the one given.
  template <class Handler>
  void send(Handler handler, T value, std::optional<std::uint64_t> position = std::nullopt) {
    std::optional<T> given{std::move(value)};
    if (try_send(given, position)) {
      complete_later(std::move(handler), std::exception_ptr{}, true);
      return;
    }
    const auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto waiting = std::make_shared<Sent>();
    waiting->park(std::move(handler));
    if (slot.is_connected()) {
      cancel_by(slot, waiting, &ChannelState::senders_, false);
    }
    change([&] {
      if (closed_) {
        waiting->complete_later(nullptr, false);
      } else {
        senders_.push_back({std::move(waiting), std::move(*given), position});
      }
    });
  }

  template <class Adapt = CallAsIs, class Handler>
  void receive(Handler handler) {
    if (auto value = try_receive()) {
      complete_later<Adapt>(std::move(handler), std::exception_ptr{}, std::move(value));
      return;
    }
    const auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto waiting = std::make_shared<Received>();
    waiting->template park<Adapt>(std::move(handler));
    if (slot.is_connected()) {
      cancel_by(slot, waiting, &ChannelState::receivers_, std::nullopt);
    }
    change([&] { receivers_.push_back({std::move(waiting), {}, {}}); });
  }

  /// Takes the value, and leaves null, if there is room and nobody waits for it.
  bool try_send(std::optional<T>& value, std::optional<std::uint64_t> position = std::nullopt) {
    return change([&] {
      if (closed_ || !(position ? fits(*position) : senders_.empty() && fits(tail_))) {
        return false;
      }
      place(position, std::move(*value));
      value.reset();
      return true;
    });
  }

  std::optional<Numbered<T>> try_receive() {
    return change([&] { return take_first(); });
  }

  void close() {
    change([&] { closed_ = true; });
  }

  void stop(std::exception_ptr error) {
    std::vector<std::optional<T>> dropped(ring_.size());
    std::list<Sender> refused;
    change([&] {
      closed_ = true;
      if (!error_) {
        error_ = std::move(error);
      }
      ring_.swap(dropped);
      refused.swap(senders_);
    });
    for (auto& sender : refused) {
      sender.handler->complete_later(nullptr, false);
    }
  }

 private:
  struct Sender {
    std::shared_ptr<Sent> handler;
    T value;
    std::optional<std::uint64_t> position;
  };
  struct Receiver {
    std::shared_ptr<Received> handler;
    std::optional<Numbered<T>> value;
    std::exception_ptr error;
  };

  bool fits(std::uint64_t position) const noexcept { return position - head_ < ring_.size(); }

  std::optional<T>& at(std::uint64_t position) { return ring_[position % ring_.size()]; }

  void place(std::optional<std::uint64_t> position, T value) {
    at(position.value_or(tail_)).emplace(std::move(value));
    tail_ = std::max(tail_, position.value_or(tail_) + 1);
  }

  std::optional<Numbered<T>> take_first() {
    auto& first = at(head_);
    if (!first) {
      return std::nullopt;
    }
    std::optional<Numbered<T>> taken{Numbered<T>{head_++, std::move(*first)}};
    first.reset();
    return taken;
  }

  /// Those whose operation is over, to be told without the lock.
  struct Over {
    std::list<Sender> senders;
    std::list<Receiver> receivers;
  };

  /// Does `step` under the lock and then all that follows from it.
  template <class Step>
  auto change(Step step) {
    Over over;
    const auto tell = [&] {
      for (auto& sender : over.senders) {
        sender.handler->complete_later(nullptr, true);
      }
      for (auto& receiver : over.receivers) {
        receiver.handler->complete_later(std::move(receiver.error), std::move(receiver.value));
      }
    };
    if constexpr (std::is_void_v<decltype(step())>) {
      {
        const std::lock_guard lock{mutex_};
        step();
        over = settle();
      }
      tell();
    } else {
      std::unique_lock lock{mutex_};
      auto result = step();
      over = settle();
      lock.unlock();
      tell();
      return result;
    }
  }

  /// Values that are next go to receivers, senders whose place is free are let in, receivers at the
  /// end are told of it. Needs the lock.
  Over settle() {
    Over over;
    for (bool moved = true; moved;) {
      moved = admit(over.senders);
      while (!receivers_.empty()) {
        auto first = take_first();
        if (!first) {
          break;
        }
        moved = true;
        receivers_.front().value = std::move(first);
        over.receivers.splice(over.receivers.end(), receivers_, receivers_.begin());
      }
    }
    if (closed_ && senders_.empty() && !receivers_.empty()) {
      receivers_.front().error = std::exchange(error_, nullptr);
      over.receivers.splice(over.receivers.end(), receivers_);
    }
    return over;
  }

  bool admit(std::list<Sender>& admitted) {
    const auto before = admitted.size();
    for (auto sender = senders_.begin(); sender != senders_.end();) {
      const auto next = std::next(sender);
      if (fits(sender->position.value_or(tail_))) {
        place(sender->position, std::move(sender->value));
        admitted.splice(admitted.end(), senders_, sender);
      } else if (!sender->position) {
        break;
      }
      sender = next;
    }
    return admitted.size() != before;
  }

  /// A signal to `slot` ends the operation that waits in `waiters`, with `nothing` as its result.
  template <class Handler, class Waiters, class Nothing>
  void cancel_by(boost::asio::cancellation_slot slot, const std::shared_ptr<Handler>& handler,
                 Waiters ChannelState::* waiters, Nothing nothing) {
    slot.assign([channel = this->weak_from_this(), weak = std::weak_ptr{handler}, waiters,
                 nothing](boost::asio::cancellation_type) {
      const auto state = channel.lock();
      const auto waiting = weak.lock();
      if (!state || !waiting) {
        return;
      }
      const bool found = state->change([&] {
        return std::erase_if((*state).*waiters,
                             [&](const auto& waiter) { return waiter.handler == waiting; }) != 0;
      });
      if (found) {
        waiting->complete_later(std::make_exception_ptr(boost::system::system_error{
                                    boost::asio::error::operation_aborted}),
                                nothing);
      }
    });
  }

  std::mutex mutex_;
  std::vector<std::optional<T>> ring_;
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::list<Sender> senders_;
  std::list<Receiver> receivers_;
  std::exception_ptr error_;
  bool closed_ = false;
};

/// Sends to the position given; completes as Channel::async_send.
template <class T, class Token>
auto async_send(std::shared_ptr<ChannelState<T>> channel, T value,
                std::optional<std::uint64_t> position, Token&& token) {
  return boost::asio::async_initiate<Token, void(std::exception_ptr, bool)>(
      [](auto handler, auto state, T given, std::optional<std::uint64_t> place) {
        state->send(std::move(handler), std::move(given), place);
      },
      token, std::move(channel), std::move(value), position);
}

/// Completes as Channel::async_receive, with the value's position.
template <class T, class Token>
auto async_receive(std::shared_ptr<ChannelState<T>> channel, Token&& token) {
  return boost::asio::async_initiate<Token, void(std::exception_ptr, std::optional<Numbered<T>>)>(
      [](auto handler, auto state) { state->receive(std::move(handler)); }, token,
      std::move(channel));
}

}  // namespace coinfer::detail
