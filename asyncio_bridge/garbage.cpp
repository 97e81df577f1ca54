#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "asyncio_bridge/gil.hpp"

namespace coinfer::bridge {
namespace {

std::atomic<Garbage*> dropped{nullptr};
std::atomic<bool> call_pending{false};
std::atomic<bool> stopped{false};
std::atomic<long> count{0};

int pending_call(void*) {
  call_pending.store(false, std::memory_order_release);
  empty_garbage();
  return 0;
}

/// On the only thread of a forked child, which holds the GIL.
void in_forked_child() noexcept {
  exiting::begun.store(false);
  exiting::retaking.store(0);
  exiting::inside.store(exiting::depth > 0 ? 1 : 0);
}
const int at_fork = pthread_atfork(nullptr, nullptr, in_forked_child);

}  // namespace

void exiting::begin() noexcept {
  is_main_thread = true;
  begun.store(true);
  const GilReleased released;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  while ((retaking.load() > 0 || inside.load(std::memory_order_acquire) > 0) &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
}

void exiting::sleep_for_ever() noexcept {
  for (;;) {
    pause();
  }
}

Kept* Kept::make(PyObject* object) {
  auto* kept = new Kept;
  Py_INCREF(object);
  kept->object_ = object;
  kept->release = [](Garbage* self) noexcept {
    auto* mine = static_cast<Kept*>(self);
    Py_DECREF(mine->object_);
    delete mine;
    count.fetch_sub(1, std::memory_order_relaxed);
  };
  count.fetch_add(1, std::memory_order_relaxed);
  return kept;
}

void discard(Garbage* garbage) noexcept {
  auto* head = dropped.load(std::memory_order_relaxed);
  do {
    garbage->next = head;
  } while (!dropped.compare_exchange_weak(head, garbage, std::memory_order_release,
                                          std::memory_order_relaxed));
  if (head == nullptr && !stopped.load(std::memory_order_acquire) &&
      !call_pending.exchange(true, std::memory_order_acq_rel)) {
    // The queue of pending calls has a fixed size; when it is full the next holder of the GIL that
    // enters this module empties the list instead.
    if (Py_AddPendingCall(pending_call, nullptr) != 0) {
      call_pending.store(false, std::memory_order_release);
    }
  }
}

void empty_garbage() noexcept {
  if (dropped.load(std::memory_order_relaxed) == nullptr ||
      stopped.load(std::memory_order_relaxed)) {
    return;
  }
  auto* garbage = dropped.exchange(nullptr, std::memory_order_acquire);
  while (garbage != nullptr) {
    auto* next = garbage->next;
    garbage->release(garbage);
    garbage = next;
  }
}

long garbage_waiting() noexcept {
  long waiting = 0;
  for (const auto* one = dropped.load(std::memory_order_acquire); one != nullptr; one = one->next) {
    ++waiting;
  }
  return waiting;
}

long kept_objects() noexcept { return count.load(std::memory_order_relaxed); }

void stop_garbage() noexcept { stopped.store(true, std::memory_order_release); }

}  // namespace coinfer::bridge
