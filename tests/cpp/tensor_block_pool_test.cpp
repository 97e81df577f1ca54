#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "tensor/block_pool.hpp"

using namespace coinfer;

BOOST_AUTO_TEST_SUITE(tensor_block_pool)

BOOST_AUTO_TEST_CASE(blocks_of_any_size_are_aligned_and_hold_their_bytes) {
  for (const std::size_t bytes : {0, 1, 63, 64, 65, 1000, 4095, 4096, 4097, 100000}) {
    auto* block = block_pool::take(bytes);
    BOOST_TEST_REQUIRE(block != nullptr);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(block) % block_pool::alignment == 0);
    std::memset(block, 0x5a, bytes);
    block_pool::give_back(block, bytes);
  }
}

BOOST_AUTO_TEST_CASE(no_two_holders_have_one_block) {
  // Made by some threads and freed by others, as results are.
  constexpr unsigned threads = 4;
  struct Held {
    unsigned char* block;
    std::size_t bytes;
    unsigned char mark;
  };
  std::vector<std::vector<Held>> held(threads);
  std::atomic<int> broken{0};
  for (unsigned round = 0; round <= 20; ++round) {
    std::vector<std::vector<Held>> fresh(threads);
    std::vector<std::thread> running;
    running.reserve(threads);
    for (unsigned t = 0; t < threads; ++t) {
      running.emplace_back([&, t, round] {
        for (const auto& old : held[(t + 1) % threads]) {
          const std::span bytes{old.block, old.bytes};
          broken += std::ranges::any_of(bytes, [&](auto byte) { return byte != old.mark; }) ? 1 : 0;
          block_pool::give_back(old.block, old.bytes);
        }
        std::mt19937 random(round * threads + t);
        for (int i = 0; i < 300 && round < 20; ++i) {
          const std::size_t bytes = random() % 6000;
          const auto mark = static_cast<unsigned char>(random());
          auto* block = static_cast<unsigned char*>(block_pool::take(bytes));
          std::memset(block, mark, bytes);
          fresh[t].push_back({block, bytes, mark});
        }
      });
    }
    for (auto& thread : running) {
      thread.join();
    }
    held.swap(fresh);
  }
  BOOST_TEST(broken == 0);
}

BOOST_AUTO_TEST_SUITE_END()
