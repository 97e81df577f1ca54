#pragma once

#include <boost/asio/async_result.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>

#include "coinfer/detail/channel_state.hpp"

namespace coinfer {

/// A bounded queue between coroutines: senders wait while it is full, receivers while it is empty.
/// First in, first out, for values and for those who wait. A handle: copies are the same channel.
///
/// Handlers are posted to their associated executor and wait in memory of their associated
/// allocator; those of an execution context that is destroyed go with it. *Cancellation* of both
/// operations, total, partial and terminal: the operation leaves the channel as it was and
/// completes with boost::asio::error::operation_aborted. *Thread safety*: shared objects: safe; a
/// cancellation signal is emitted where the handler runs.
template <class T>
class Channel {
 public:
  /// Throws Error when the capacity is 0.
  explicit Channel(std::size_t capacity)
      : state_{std::make_shared<detail::ChannelState<T>>(capacity)} {}

  /// Waits for room. *Completion signature*: void(std::exception_ptr, bool): false when the channel
  /// is closed and did not take the value.
  template <class Token>
  auto async_send(T value, Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, bool)>(
        [](auto handler, auto state, T given) {
          state->send(std::move(handler), std::move(given));
        },
        token, state_, std::move(value));
  }

  /// Waits for a value. *Completion signature*: void(std::exception_ptr, std::optional<T>): null at
  /// the end, when the channel is closed and empty. When it was stopped with an error one receiver
  /// gets that.
  template <class Token>
  auto async_receive(Token&& token) {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, std::optional<T>)>(
        [](auto handler, auto state) {
          state->template receive<typename detail::ChannelState<T>::ValueOnly>(std::move(handler));
        },
        token, state_);
  }

  /// Takes the value, and leaves null, if there is room and nobody waits for it.
  bool try_send(std::optional<T>& value) { return state_->try_send(value); }
  /// A value if there is one.
  std::optional<T> try_receive() {
    auto received = state_->try_receive();
    return received ? std::optional<T>{std::move(received->value)} : std::nullopt;
  }

  /// Nothing more can be sent; what is in it, and what senders wait with, is received before the
  /// end.
  void close() { state_->close(); }
  /// Drops what is in it and what senders wait with. One receiver is told of the error, if any.
  void stop(std::exception_ptr error = nullptr) { state_->stop(std::move(error)); }

  std::size_t capacity() const noexcept { return state_->capacity(); }

 private:
  std::shared_ptr<detail::ChannelState<T>> state_;
};

}  // namespace coinfer
