#pragma once

#include <atomic>
#include <boost/asio/bind_allocator.hpp>
#include <memory>
#include <utility>

namespace coinfer::testing {

/// What an allocator has given out, and what is still out.
struct Allocations {
  std::atomic<int> given{0};
  std::atomic<int> out{0};
};

template <class T>
struct CountingAllocator {
  using value_type = T;
  Allocations* count;

  explicit CountingAllocator(Allocations& allocations) : count{&allocations} {}
  template <class U>
  CountingAllocator(const CountingAllocator<U>& other) : count{other.count} {}
  T* allocate(std::size_t items) {
    ++count->given;
    ++count->out;
    return std::allocator<T>{}.allocate(items);
  }
  void deallocate(T* memory, std::size_t items) {
    --count->out;
    std::allocator<T>{}.deallocate(memory, items);
  }
  template <class U>
  bool operator==(const CountingAllocator<U>& other) const {
    return count == other.count;
  }
};

/// The token with an allocator that counts.
template <class Token>
auto counted(Allocations& allocations, Token token) {
  return boost::asio::bind_allocator(CountingAllocator<char>{allocations}, std::move(token));
}

}  // namespace coinfer::testing
