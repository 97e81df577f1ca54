#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>

#include "coinfer/channel.hpp"
#include "coinfer/completion.hpp"
#include "counting_allocator.hpp"
#include "live.hpp"

using namespace coinfer;
using namespace coinfer::testing;
namespace asio = boost::asio;

namespace {

asio::awaitable<void> send_numbers(Channel<Counted> channel, int begin, int end) {
  for (int i = begin; i < end; ++i) {
    if (!co_await channel.async_send(Counted{i}, asio::use_awaitable)) {
      throw std::logic_error{"an open channel refused a value"};
    }
  }
}

asio::awaitable<std::vector<int>> receive_all(Channel<Counted> channel) {
  std::vector<int> values;
  while (const auto received = co_await channel.async_receive(asio::use_awaitable)) {
    values.push_back(received->value);
  }
  co_return values;
}

int value_of(const std::optional<Counted>& received) {
  BOOST_TEST_REQUIRE(received.has_value());
  return received ? received->value : -1;
}

bool is_aborted(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& caught) {
    return caught.code() == asio::error::operation_aborted;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_channel)

BOOST_AUTO_TEST_CASE(values_come_out_in_order_and_then_the_end) {
  asio::io_context context;
  Channel<Counted> channel{3};
  asio::co_spawn(context, send_numbers(channel, 0, 20),
                 [&](std::exception_ptr) { channel.close(); });
  auto received = asio::co_spawn(context, receive_all(channel), asio::use_future);
  context.run();
  std::vector<int> expected(20);
  std::iota(expected.begin(), expected.end(), 0);
  BOOST_TEST(received.get() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_full_channel_holds_its_senders_and_no_more_than_its_capacity) {
  asio::io_context context;
  Channel<Counted> channel{2};
  int sent = 0;
  for (int i = 0; i < 5; ++i) {
    channel.async_send(Counted{i},
                       asio::bind_executor(context, [&](std::exception_ptr, bool taken) {
                         BOOST_TEST(taken);
                         ++sent;
                       }));
  }
  context.poll();
  BOOST_TEST(sent == 2);
  BOOST_TEST(value_of(channel.try_receive()) == 0);
  context.poll();
  BOOST_TEST(sent == 3);
  std::optional<Counted> extra{5};
  BOOST_TEST(!channel.try_send(extra));
  BOOST_TEST(extra.has_value());
  for (int i = 1; i < 5; ++i) {
    BOOST_TEST(value_of(channel.try_receive()) == i);
  }
  BOOST_TEST(!channel.try_receive());
  BOOST_TEST(channel.try_send(extra));
  BOOST_TEST(!extra.has_value());
}

BOOST_AUTO_TEST_CASE(waiting_receivers_are_served_first_come_first_served) {
  asio::io_context context;
  Channel<Counted> channel{1};
  std::vector<std::pair<int, int>> got;
  for (int i = 0; i < 3; ++i) {
    channel.async_receive(
        asio::bind_executor(context, [&, i](std::exception_ptr, std::optional<Counted> value) {
          got.emplace_back(i, value ? value->value : -1);
        }));
  }
  for (int i = 0; i < 2; ++i) {
    std::optional<Counted> value{10 + i};
    BOOST_TEST(channel.try_send(value));
  }
  channel.close();
  context.run();
  BOOST_TEST((got == std::vector<std::pair<int, int>>{{0, 10}, {1, 11}, {2, -1}}));
}

BOOST_AUTO_TEST_CASE(an_error_outlives_a_stop_that_has_none) {
  asio::io_context context;
  Channel<Counted> channel{1};
  channel.stop(std::make_exception_ptr(Error{"first"}));
  channel.stop();
  channel.stop(std::make_exception_ptr(Error{"second"}));
  std::vector<std::string> told;
  for (int i = 0; i < 2; ++i) {
    channel.async_receive(asio::bind_executor(
        context, [&](const std::exception_ptr& error, const std::optional<Counted>& value) {
          BOOST_TEST(!value);
          try {
            Outcome{Outcome::Kind::failed, error}.get();
            told.emplace_back("end");
          } catch (const Error& caught) {
            told.emplace_back(caught.what());
          }
        }));
  }
  context.run();
  BOOST_TEST(told == (std::vector<std::string>{"first", "end"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_senders_wait_with_is_received_after_close) {
  asio::io_context context;
  Channel<Counted> channel{1};
  asio::co_spawn(context, send_numbers(channel, 0, 1), asio::detached);
  asio::co_spawn(context, send_numbers(channel, 1, 2), asio::detached);
  context.poll();
  channel.close();
  channel.async_send(Counted{7}, asio::bind_executor(context, [](std::exception_ptr, bool taken) {
                       BOOST_TEST(!taken);
                     }));
  auto received = asio::co_spawn(context, receive_all(channel), asio::use_future);
  context.restart();
  context.run();
  BOOST_TEST(received.get() == (std::vector{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(stopping_drops_values_refuses_senders_and_tells_one_receiver_why) {
  asio::io_context context;
  Channel<Counted> channel{1};
  std::vector<bool> taken;
  for (int i = 0; i < 3; ++i) {
    channel.async_send(Counted{i}, asio::bind_executor(context, [&](std::exception_ptr, bool was) {
                         taken.push_back(was);
                       }));
  }
  channel.stop(std::make_exception_ptr(Error{"broken"}));
  context.run();
  BOOST_TEST(taken == (std::vector{true, false, false}), boost::test_tools::per_element());
  std::vector<bool> failed;
  for (int i = 0; i < 2; ++i) {
    channel.async_receive(
        asio::bind_executor(context, [&](std::exception_ptr error, std::optional<Counted> value) {
          BOOST_TEST(!value);
          failed.push_back(error != nullptr);
        }));
  }
  context.restart();
  context.run();
  BOOST_TEST(failed == (std::vector{true, false}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cancelled_operations_leave_the_channel_as_it_was) {
  asio::io_context context;
  Channel<Counted> channel{1};
  asio::cancellation_signal signal;
  int aborted = 0;
  channel.async_receive(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(context, [&](std::exception_ptr error, std::optional<Counted> value) {
        BOOST_TEST(!value);
        aborted += is_aborted(error) ? 1 : 0;
      })));
  signal.emit(asio::cancellation_type::partial);
  context.poll();
  BOOST_TEST(aborted == 1);
  std::optional<Counted> first{1};
  BOOST_TEST(channel.try_send(first));
  channel.async_send(
      Counted{2},
      asio::bind_cancellation_slot(
          signal.slot(), asio::bind_executor(context, [&](std::exception_ptr error, bool taken) {
            BOOST_TEST(!taken);
            aborted += is_aborted(error) ? 1 : 0;
          })));
  signal.emit(asio::cancellation_type::total);
  context.restart();
  context.run();
  BOOST_TEST(aborted == 2);
  BOOST_TEST(value_of(channel.try_receive()) == 1);
  BOOST_TEST(!channel.try_receive());
  // After its end an operation has no slot any more.
  signal.emit(asio::cancellation_type::terminal);
}

BOOST_AUTO_TEST_CASE(a_handler_is_never_called_within_its_initiation) {
  asio::io_context context;
  Channel<Counted> channel{1};
  bool called = false;
  asio::post(context, [&] {
    channel.async_send(
        Counted{1}, asio::bind_executor(context, [&](std::exception_ptr, bool) { called = true; }));
    BOOST_TEST(!called);
    channel.async_receive(asio::bind_executor(
        context, [&](std::exception_ptr, const std::optional<Counted>&) { called = true; }));
    BOOST_TEST(!called);
  });
  context.run();
  BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(deferred_operations_start_when_they_are_called) {
  asio::io_context context;
  Channel<Counted> channel{1};
  auto send = channel.async_send(Counted{4}, asio::deferred);
  BOOST_TEST(!channel.try_receive());
  auto sent = std::move(send)(asio::use_future);
  BOOST_TEST(sent.get());
  BOOST_TEST(value_of(channel.async_receive(asio::use_future).get()) == 4);
}

BOOST_AUTO_TEST_CASE(waiting_handlers_lie_in_memory_of_their_allocators) {
  asio::io_context context;
  Channel<Counted> channel{1};
  Allocations memory;
  int out_when_called = 0;
  int called = 0;
  const auto token = [&] {
    return counted(memory, asio::bind_executor(context, [&](std::exception_ptr error, auto) {
                     BOOST_TEST(!error);
                     out_when_called += memory.out;
                     ++called;
                   }));
  };
  channel.async_receive(token());
  BOOST_TEST(memory.given > 0);
  channel.async_send(Counted{1}, asio::use_future).get();
  context.run();
  BOOST_TEST(called == 1);
  const int before = memory.given;
  channel.async_send(Counted{2}, asio::use_future).get();
  channel.async_send(Counted{3}, token());  // there is no room
  BOOST_TEST(memory.given > before);
  BOOST_TEST(value_of(channel.async_receive(asio::use_future).get()) == 2);
  context.restart();
  context.run();
  BOOST_TEST(called == 2);
  BOOST_TEST(out_when_called == 0);
  BOOST_TEST(memory.out == 0);
}

BOOST_AUTO_TEST_CASE(no_value_is_lost_or_doubled_between_many_threads) {
  asio::thread_pool pool{4};
  Channel<Counted> channel{3};
  constexpr int senders = 4;
  constexpr int each = 500;
  std::atomic<int> left{senders};
  for (int i = 0; i < senders; ++i) {
    asio::co_spawn(pool, send_numbers(channel, i * each, (i + 1) * each), [&](std::exception_ptr) {
      if (--left == 0) {
        channel.close();
      }
    });
  }
  std::array<std::future<std::vector<int>>, 3> received;
  for (auto& part : received) {
    part = asio::co_spawn(pool, receive_all(channel), asio::use_future);
  }
  std::multiset<int> all;
  for (auto& part : received) {
    const auto values = part.get();
    all.insert(values.begin(), values.end());
    // Each sender's values are seen in its order.
    for (int i = 0; i < senders; ++i) {
      std::vector<int> mine;
      std::ranges::copy_if(values, std::back_inserter(mine),
                           [&](int value) { return value / each == i; });
      BOOST_TEST(std::ranges::is_sorted(mine));
    }
  }
  BOOST_TEST(all.size() == senders * each);
  BOOST_TEST(std::set<int>(all.begin(), all.end()).size() == senders * each);
  pool.join();
}

BOOST_AUTO_TEST_CASE(waiting_coroutines_go_with_their_context_at_every_step) {
  for (int steps = 0;; ++steps) {
    Channel<Counted> channel{1};
    bool ended = false;
    {
      asio::io_context context;
      asio::co_spawn(context, send_numbers(channel, 0, 6),
                     [&](std::exception_ptr) { channel.close(); });
      asio::co_spawn(context, receive_all(channel),
                     [&](std::exception_ptr, const std::vector<int>&) { ended = true; });
      for (int i = 0; i < steps && !ended; ++i) {
        context.run_one();
      }
    }
    // Nobody waits any more, and the channel is usable by others.
    asio::io_context other;
    channel.close();
    auto rest = asio::co_spawn(other, receive_all(channel), asio::use_future);
    other.run();
    BOOST_TEST(rest.get().size() <= 6);
    if (ended) {
      BOOST_TEST(steps > 6);
      break;
    }
  }
}

BOOST_AUTO_TEST_CASE(a_channel_without_capacity_is_refused) {
  BOOST_CHECK_THROW(Channel<int>{0}, Error);
}

BOOST_AUTO_TEST_SUITE_END()
