#include "asyncio_bridge/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "asyncio_bridge/wait_awake.hpp"

namespace coinfer::bridge {

Mailbox::Mailbox() : fd_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
  if (fd_ < 0) {
    throw std::system_error(errno, std::generic_category(),
                            "an eventfd for an event loop could not be made");
  }
  WakeUp::wake = [](WakeUp* self) noexcept {
    auto& mailbox = *static_cast<Mailbox*>(self);
    mailbox.put_off_by_.store(nullptr, std::memory_order_seq_cst);
    if (!mailbox.closed()) {
      mailbox.wake();
    }
  };
}

void Mailbox::push(Letter* letter) noexcept {
  // Before the letter is there: who finds it and this mark wakes the loop for his own.
  auto* const together = detail::WakeUpsTogether::current();
  const void* put_off_by = nullptr;
  const bool puts_off = together != nullptr && put_off_by_.compare_exchange_strong(
                                                   put_off_by, together, std::memory_order_seq_cst);
  auto* head = head_.load(std::memory_order_relaxed);
  do {
    letter->next = head;
  } while (!head_.compare_exchange_weak(head, letter, std::memory_order_seq_cst,
                                        std::memory_order_relaxed));
  if (closed_.load(std::memory_order_seq_cst)) {
    discard_unless_reopened();
  } else if (!watched_.load(std::memory_order_seq_cst)) {
    // Either the watcher is seen, or it sees the letter when it has ended its watch.
    if (head == nullptr && puts_off) {
      together->put_off(*this);
      return;
    }
    const auto* const by = puts_off ? nullptr : put_off_by_.load(std::memory_order_seq_cst);
    if (head == nullptr ? together == nullptr || put_off_by != together
                        : by != nullptr && by != together) {
      wake();
    }
  }
  if (puts_off) {
    put_off_by_.store(nullptr, std::memory_order_seq_cst);
  }
}

void Mailbox::write_eventfd(Mailbox& mailbox) noexcept {
  const std::uint64_t one = 1;
  // The only failure is a full counter, and then the loop is awake.
  [[maybe_unused]] const auto written = write(mailbox.fd_, &one, sizeof one);
}

Letter* Mailbox::take_all() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto was_read = read(fd_, &count, sizeof count);
  return take_in_order();
}

Letter* Mailbox::take_watched() noexcept {
  watched_.store(false, std::memory_order_seq_cst);
  return take_in_order();
}

void Mailbox::await_letter(std::chrono::microseconds patience) const noexcept {
  wait_awake([this] { return !empty(); }, patience);
}

Letter* Mailbox::take_in_order() noexcept {
  auto* head = head_.exchange(nullptr, std::memory_order_seq_cst);
  Letter* first = nullptr;
  while (head != nullptr) {
    auto* next = static_cast<Letter*>(head->next);
    head->next = first;
    first = head;
    head = next;
  }
  return first;
}

void Mailbox::open_for_loop(Wake wake) noexcept {
  wake_.store(wake, std::memory_order_release);
  watched_.store(false, std::memory_order_relaxed);
  closed_.store(false, std::memory_order_seq_cst);
}

void Mailbox::close() noexcept {
  closed_.store(true, std::memory_order_seq_cst);
  discard_all();
}

/// The mailbox may serve another loop by now; letters for that one go back into it.
void Mailbox::discard_unless_reopened() noexcept {
  auto* head = head_.exchange(nullptr, std::memory_order_acquire);
  while (head != nullptr) {
    auto* next = static_cast<Letter*>(head->next);
    if (closed_.load(std::memory_order_seq_cst)) {
      discard(head);
    } else {
      push(head);
    }
    head = next;
  }
}

void Mailbox::discard_all() noexcept {
  auto* head = head_.exchange(nullptr, std::memory_order_acquire);
  while (head != nullptr) {
    auto* next = static_cast<Letter*>(head->next);
    discard(head);
    head = next;
  }
}

}  // namespace coinfer::bridge
