#include "tensor/block_pool.hpp"

#include <sched.h>

#include <array>
#include <atomic>
#include <bit>
#include <new>

namespace coinfer::block_pool {
namespace {

// A sanitizer is to see each block's own life.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t largest = 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr std::size_t largest = 0;
#else
constexpr std::size_t largest = 4096;
#endif
#endif

constexpr std::size_t most_bytes_of_a_size = std::size_t{1} << 18U;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
  return bytes <= alignment ? alignment : (bytes + alignment - 1) / alignment * alignment;
}

/// The free blocks of one size, linked through their first bytes.
class FreeBlocks {
 public:
  void* pop() noexcept {
    lock();
    auto* block = first_;
    if (block != nullptr) {
      first_ = block->next;
      --count_;
    }
    unlock();
    return block;
  }

  /// False when there are enough.
  bool push(void* memory, std::size_t most) noexcept {
    lock();
    const bool keep = count_ < most;
    if (keep) {
      first_ = new (memory) Block{first_};
      ++count_;
    }
    unlock();
    return keep;
  }

 private:
  struct Block {
    Block* next;
  };

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

  alignas(64) std::atomic<bool> locked_{false};
  Block* first_ = nullptr;
  std::size_t count_ = 0;
};

/// By the power of two that a block's size is rounded up to. Has no destructor: blocks come back
/// until the process is gone.
constinit std::array<FreeBlocks, std::bit_width(largest | 1U)> sizes;

FreeBlocks& blocks_of(std::size_t size) noexcept {
  return sizes[static_cast<std::size_t>(std::countr_zero(size))];
}

void* from_system(std::size_t bytes) noexcept {
  return ::operator new(bytes, std::align_val_t{alignment}, std::nothrow);
}

}  // namespace

void* take(std::size_t bytes) noexcept {
  if (bytes > largest || largest == 0) {
    return from_system(round_up(bytes));
  }
  const auto size = std::bit_ceil(round_up(bytes));
  auto* block = blocks_of(size).pop();
  return block != nullptr ? block : from_system(size);
}

void give_back(void* block, std::size_t bytes) noexcept {
  if (bytes <= largest && largest != 0) {
    const auto size = std::bit_ceil(round_up(bytes));
    if (blocks_of(size).push(block, most_bytes_of_a_size / size)) {
      return;
    }
  }
  ::operator delete(block, std::align_val_t{alignment});
}

}  // namespace coinfer::block_pool
