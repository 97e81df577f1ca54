// Sections of a team: each part once, whoever comes, leaves or is late.
#include "kernels/team.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>
#include <vector>

using namespace coinfer;
using kernels::Arena;
using kernels::parallel;
using kernels::Team;

namespace {

/// What parts add to: not atomic, so that sections have to order what they do.
struct Counts {
  explicit Counts(std::size_t size) : of(size, 0) {}
  /// Each number by one, in parts of one at least.
  void add(int threads) {
    parallel(static_cast<std::int64_t>(of.size()), 1, threads,
             [&](std::int64_t begin, std::int64_t end) {
               for (auto i = begin; i < end; ++i) {
                 ++of[static_cast<std::size_t>(i)];
               }
             });
  }
  bool all(int number) const {
    return std::all_of(of.begin(), of.end(), [=](int one) { return one == number; });
  }
  std::vector<int> of;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(kernels_team)

BOOST_AUTO_TEST_CASE(each_part_of_each_section_is_done_once) {
  for (const int threads : {2, 3, 7}) {
    Arena arena{threads};
    Team team{threads};
    arena.execute([&] {
      const Team::Lead lead{&team};
      BOOST_TEST(Team::current() == &team);
      for (const std::size_t size : {2U, 3U, 6U, 50U}) {
        Counts counts{size};
        for (int i = 0; i < 3000; ++i) {
          counts.add(threads);
        }
        BOOST_TEST(counts.all(3000), threads << " threads, " << size << " numbers");
      }
    });
    BOOST_TEST(Team::current() == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(helpers_are_sent_away_and_come_again) {
  constexpr int threads = 3;
  Arena arena{threads};
  Team team{threads};
  Counts counts{5};
  int sections = 0;
  for (int lead = 0; lead < 50; ++lead) {
    arena.execute([&] {
      const Team::Lead leading{&team};
      for (int i = 0; i < 20; ++i) {
        counts.add(threads);
        ++sections;
        if (i % 3 == 0) {
          team.dismiss();
        }
        if (i % 7 == 0) {
          // Those who wait give up meanwhile.
          std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
      }
    });
  }
  BOOST_TEST(counts.all(sections));
}

BOOST_AUTO_TEST_CASE(tbb_is_called_between_sections_and_from_within_them) {
  constexpr int threads = 3;
  Arena arena{threads};
  Team team{threads};
  Counts counts{6};
  Counts others{64};
  arena.execute([&] {
    for (int i = 0; i < 500; ++i) {
      {
        const Team::Lead leading{&team};
        counts.add(threads);
        {
          // As a primitive calls TBB, with helpers waiting or only called; they get in nobody's way.
          const Team::Lead nobody{nullptr};
          others.add(threads);
        }
        counts.add(threads);
        team.dismiss();
      }
      others.add(threads);
    }
  });
  BOOST_TEST(counts.all(1000));
  BOOST_TEST(others.all(1000));
}

BOOST_AUTO_TEST_CASE(sections_within_parts_are_done_by_who_does_the_part) {
  constexpr int threads = 2;
  Arena arena{threads};
  Team team{threads};
  std::vector<Counts> inner(4, Counts{5});
  arena.execute([&] {
    const Team::Lead leading{&team};
    for (int i = 0; i < 200; ++i) {
      parallel(4, 1, threads, [&](std::int64_t begin, std::int64_t end) {
        for (auto at = begin; at < end; ++at) {
          inner[static_cast<std::size_t>(at)].add(threads);
        }
      });
    }
  });
  for (const auto& one : inner) {
    BOOST_TEST(one.all(200));
  }
}

BOOST_AUTO_TEST_CASE(several_teams_work_at_once) {
  std::vector<std::thread> leaders;
  std::vector<Counts> counts(3, Counts{9});
  for (auto& mine : counts) {
    leaders.emplace_back([&mine] {
      Arena arena{2};
      Team team{2};
      for (int lead = 0; lead < 20; ++lead) {
        arena.execute([&] {
          const Team::Lead leading{&team};
          for (int i = 0; i < 100; ++i) {
            mine.add(2);
          }
        });
      }
    });
  }
  for (auto& leader : leaders) {
    leader.join();
  }
  for (const auto& one : counts) {
    BOOST_TEST(one.all(2000));
  }
}

BOOST_AUTO_TEST_CASE(a_helper_takes_part) {
  // Both parts of a section must have begun before either ends.
  Arena arena{2};
  Team team{2};
  std::atomic<int> begun{0};
  std::atomic<int> together{0};
  arena.execute([&] {
    const Team::Lead leading{&team};
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (together == 0 && std::chrono::steady_clock::now() < give_up) {
      begun = 0;
      parallel(2, 1, 2, [&](std::int64_t, std::int64_t) {
        ++begun;
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
        while (begun < 2 && std::chrono::steady_clock::now() < until) {
        }
        if (begun == 2) {
          ++together;
        }
      });
    }
  });
  BOOST_TEST(together > 0);
}

BOOST_AUTO_TEST_SUITE_END()
