// Memory for weights: pieces beside one another that live as long as somebody holds them.
#include <cstring>
#include <optional>

#include "coinfer/error.hpp"
#include "tensor/sanitized.hpp"
#include "tensor/weight_memory.hpp"

using namespace coinfer;

namespace {

constexpr std::size_t kilobyte = 1024;
constexpr std::size_t megabyte = 1024 * kilobyte;

void fill(const MemoryRef& memory, int byte) { std::memset(memory->data(), byte, memory->bytes()); }

bool is_filled(const MemoryRef& memory, int byte) {
  const auto* const data = memory->data();
  return std::all_of(data, data + memory->bytes(),
                     [&](std::byte one) { return one == static_cast<std::byte>(byte); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tensor_weight_memory)

BOOST_AUTO_TEST_CASE(pieces_of_any_size_are_aligned_and_apart) {
  WeightMemory weights;
  std::vector<MemoryRef> pieces;
  for (const auto bytes :
       {std::size_t{1}, 512 * kilobyte, 512 * kilobyte + 1, 3 * megabyte, 600 * kilobyte + 7,
        200 * megabyte, 100 * megabyte, 300 * megabyte, 513 * kilobyte, std::size_t{100}}) {
    pieces.push_back(weights.allocate(bytes));
    BOOST_REQUIRE(pieces.back()->bytes() == bytes);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(pieces.back()->data()) % 64 == 0);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    // The large ones at their ends only: their pages are not to become present.
    auto* const data = pieces[i]->data();
    data[0] = data[pieces[i]->bytes() - 1] = static_cast<std::byte>(i + 1);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto* const data = pieces[i]->data();
    BOOST_TEST((data[0] == static_cast<std::byte>(i + 1)));
    BOOST_TEST((data[pieces[i]->bytes() - 1] == static_cast<std::byte>(i + 1)));
  }
}

BOOST_AUTO_TEST_CASE(what_is_left_stays_when_a_neighbour_goes) {
  WeightMemory weights;
  auto first = weights.allocate(600 * kilobyte);
  auto second = weights.allocate(601 * kilobyte);
  auto third = weights.allocate(602 * kilobyte);
  fill(first, 1);
  fill(second, 2);
  fill(third, 3);
  second.reset();
  BOOST_TEST(is_filled(first, 1));
  BOOST_TEST(is_filled(third, 3));
  const auto fourth = weights.allocate(603 * kilobyte);
  fill(fourth, 4);
  first.reset();
  BOOST_TEST(is_filled(third, 3));
  BOOST_TEST(is_filled(fourth, 4));
}

BOOST_AUTO_TEST_CASE(pieces_lie_beside_one_another_also_around_a_large_one) {
  if (is_sanitized) {
    BOOST_TEST_MESSAGE("each piece is a block of its own");
    return;
  }
  WeightMemory weights;
  const auto first = weights.allocate(600 * kilobyte);
  const auto large = weights.allocate(100 * megabyte);
  const auto second = weights.allocate(600 * kilobyte);
  BOOST_TEST((second->data() == first->data() + 600 * kilobyte));
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(first->data()) % (2 * megabyte) == 0);
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(large->data()) % (2 * megabyte) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_let_go_of_goes_back_to_the_system) {
  if (is_sanitized) {
    BOOST_TEST_MESSAGE("each piece is a block of its own");
    return;
  }
  WeightMemory weights;
  const auto stays = weights.allocate(600 * kilobyte);
  auto goes = weights.allocate(8 * megabyte);
  fill(goes, 5);
  auto* const inside = goes->data() + 4 * megabyte;
  goes.reset();
  // Its addresses are still those of the range, and read as new pages do.
  BOOST_TEST((*inside == std::byte{0}));
}
BOOST_AUTO_TEST_CASE(a_piece_outlives_what_it_was_taken_from) {
  std::optional<WeightMemory> weights{std::in_place};
  const auto piece = weights->allocate(5 * megabyte);
  fill(piece, 7);
  weights.reset();
  BOOST_TEST(is_filled(piece, 7));
}

BOOST_AUTO_TEST_CASE(more_than_the_machine_has_is_refused) {
  WeightMemory weights;
  BOOST_CHECK_THROW(weights.allocate(std::numeric_limits<std::int64_t>::max() / 2), Error);
  BOOST_CHECK_THROW(weights.allocate(std::size_t{1} << 60), Error);
  BOOST_TEST(weights.allocate(megabyte)->bytes() == megabyte);
}

BOOST_AUTO_TEST_SUITE_END()
