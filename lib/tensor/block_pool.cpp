#include "tensor/block_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <new>

#include "tensor/sanitized.hpp"

namespace coinfer::block_pool {
namespace {

constexpr std::size_t largest = is_sanitized ? 0 : 4096;

constexpr std::size_t most_bytes_of_a_size = std::size_t{1} << 18U;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
  return bytes <= alignment ? alignment : (bytes + alignment - 1) / alignment * alignment;
}

/// A block's size is rounded up to a power of two, its class.
constexpr std::size_t classes = largest == 0 ? 1 : std::bit_width(largest / alignment);
constexpr std::size_t class_of(std::size_t bytes) noexcept {
  return static_cast<std::size_t>(std::bit_width((round_up(bytes) - 1) / alignment));
}
constexpr std::size_t size_of_class(std::size_t index) noexcept { return alignment << index; }
/// So many blocks go between a thread and the others at once.
constexpr std::size_t batch_of_class(std::size_t index) noexcept {
  return std::clamp<std::size_t>(8192 / size_of_class(index), 2, 32);
}

/// Free blocks, linked through their first bytes.
struct Batch {
  struct Block {
    Block* next;
    Block* next_batch;  // of the first block of a batch that is in a depot
  };
  Block* first = nullptr;
  std::size_t count = 0;

  void push(void* memory) noexcept {
    first = new (memory) Block{first, nullptr};
    ++count;
  }
  void* pop() noexcept {
    auto* block = first;
    first = block->next;
    --count;
    return block;
  }
  void free() noexcept {
    while (count != 0) {
      ::operator delete(pop(), std::align_val_t{alignment});
    }
  }
};

/// The batches of one class that no thread has.
class Depot {
 public:
  /// Empty when there is none.
  Batch pop(std::size_t batch) noexcept {
    lock();
    auto* first = first_;
    if (first != nullptr) {
      first_ = first->next_batch;
      --count_;
    }
    unlock();
    return {first, first != nullptr ? batch : 0};
  }

  /// False when there are enough.
  bool push(const Batch& batch, std::size_t most) noexcept {
    lock();
    const bool keep = count_ < most;
    if (keep) {
      batch.first->next_batch = first_;
      first_ = batch.first;
      ++count_;
    }
    unlock();
    return keep;
  }

  // Held for some instructions, so waiting awake costs less than a mutex.
  void lock() noexcept {
    for (int turn = 0; locked_.exchange(true, std::memory_order_acquire); ++turn) {
      if (turn >= 64) {
        sched_yield();  // who holds it may need this core
      }
      __builtin_ia32_pause();
    }
  }
  void unlock() noexcept { locked_.store(false, std::memory_order_release); }

 private:
  alignas(64) std::atomic<bool> locked_{false};
  Batch::Block* first_ = nullptr;
  std::size_t count_ = 0;
};

// Have no destructor: blocks come back until the process is gone.
constinit std::array<Depot, classes> depots;

/// What a thread has at hand of one class: at most two batches, so that one who takes and gives in
/// turn seldom goes to the depot.
struct AtHand {
  Batch loaded;
  Batch spare;
};
constinit thread_local std::array<AtHand, classes> at_hand;
enum class ThreadState : unsigned char { fresh, registered, ended };
constinit thread_local ThreadState thread_state = ThreadState::fresh;

/// Frees what a thread has when it ends.
struct AtThreadEnd {
  AtThreadEnd() noexcept { thread_state = ThreadState::registered; }
  ~AtThreadEnd() {
    thread_state = ThreadState::ended;
    for (auto& blocks : at_hand) {
      blocks.loaded.free();
      blocks.spare.free();
    }
  }
};

/// False when the thread is about to end and keeps nothing any more.
bool keeps_blocks() noexcept {
  if (thread_state == ThreadState::fresh) {
    static thread_local const AtThreadEnd at_thread_end;
  }
  return thread_state == ThreadState::registered;
}

void lock_all() noexcept {
  for (auto& depot : depots) {
    depot.lock();
  }
}
void unlock_all() noexcept {
  for (auto& depot : depots) {
    depot.unlock();
  }
}
/// A forked child finds no lock held by a thread that it does not have.
const int at_fork = pthread_atfork(lock_all, unlock_all, unlock_all);

void* from_system(std::size_t bytes) noexcept {
  return ::operator new(bytes, std::align_val_t{alignment}, std::nothrow);
}

/// Nothing of the class is loaded.
void* take_slowly(std::size_t index) noexcept {
  if (keeps_blocks()) {
    auto& blocks = at_hand[index];
    blocks.loaded =
        blocks.spare.count != 0 ? blocks.spare : depots[index].pop(batch_of_class(index));
    blocks.spare = {};
    if (blocks.loaded.count != 0) {
      return blocks.loaded.pop();
    }
  }
  return from_system(size_of_class(index));
}

/// A batch of the class is loaded.
void make_room(AtHand& blocks, std::size_t index) noexcept {
  const auto batch = batch_of_class(index);
  if (blocks.spare.count != 0 &&
      !depots[index].push(blocks.spare, most_bytes_of_a_size / size_of_class(index) / batch)) {
    blocks.spare.free();
  }
  blocks.spare = blocks.loaded;
  blocks.loaded = {};
}

}  // namespace

void* take(std::size_t bytes) noexcept {
  if (bytes > largest || largest == 0) {
    return from_system(round_up(bytes));
  }
  const auto index = class_of(bytes);
  auto& loaded = at_hand[index].loaded;
  return loaded.count != 0 ? loaded.pop() : take_slowly(index);
}

void give_back(void* block, std::size_t bytes) noexcept {
  if (bytes > largest || largest == 0 || !keeps_blocks()) {
    ::operator delete(block, std::align_val_t{alignment});
    return;
  }
  const auto index = class_of(bytes);
  auto& blocks = at_hand[index];
  if (blocks.loaded.count == batch_of_class(index)) {
    make_room(blocks, index);
  }
  blocks.loaded.push(block);
}

}  // namespace coinfer::block_pool
