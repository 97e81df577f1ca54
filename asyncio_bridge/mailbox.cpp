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
    mailbox.put_off_.store(false, std::memory_order_release);
    if (!mailbox.closed()) {
      mailbox.wake();
    }
  };
}

void Mailbox::push(Letter* letter) noexcept {
  auto* head = head_.load(std::memory_order_relaxed);
  do {
    letter->next = head;
  } while (!head_.compare_exchange_weak(head, letter, std::memory_order_seq_cst,
                                        std::memory_order_relaxed));
  if (closed_.load(std::memory_order_seq_cst)) {
    discard_unless_reopened();
  } else if (head == nullptr && !watched_.load(std::memory_order_seq_cst)) {
    // Either the watcher is seen, or it sees the letter when it has ended its watch.
    if (!put_off_wake()) {
      wake();
    }
  }
}

/// Not when another thread has put it off: it may not wake the loop as soon as this one must.
bool Mailbox::put_off_wake() noexcept {
  using Together = detail::WakeUpsTogether;
  if (!Together::lives() || put_off_.exchange(true, std::memory_order_acq_rel)) {
    return false;
  }
  Together::put_off(*this);
  return true;
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
