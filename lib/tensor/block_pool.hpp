#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

/// Memory of tensors. Small blocks are kept for reuse: results are made by a worker and freed by
/// whoever reads them, and the system's allocator makes two such threads wait for each other.
namespace coinfer::block_pool {

inline constexpr std::size_t alignment = 64;

/// A block of at least `bytes`, aligned to 64; null when there is no memory. Any thread.
void* take(std::size_t bytes) noexcept;
/// `bytes` as for `take`. Any thread.
void give_back(void* block, std::size_t bytes) noexcept;

/// For std::allocate_shared.
template <class T>
struct Allocator {
  using value_type = T;

  Allocator() noexcept = default;
  template <class U>
  Allocator(const Allocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignment);
    auto* block = take(count * sizeof(T));
    if (block == nullptr) {
      throw std::bad_alloc{};
    }
    return static_cast<T*>(block);
  }
  void deallocate(T* block, std::size_t count) noexcept { give_back(block, count * sizeof(T)); }

  template <class U>
  friend bool operator==(const Allocator&, const Allocator<U>&) noexcept {
    return true;
  }
};

template <class T, class... Args>
std::shared_ptr<T> make_shared(Args&&... args) {
  return std::allocate_shared<T>(Allocator<std::remove_const_t<T>>{}, std::forward<Args>(args)...);
}

}  // namespace coinfer::block_pool
