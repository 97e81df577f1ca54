#include <pthread.h>
#include <sched.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/process.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;

namespace {

/// Threads of this process that may run on one core only.
int pinned_threads() {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status{task.path() / "status"};
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Cpus_allowed_list:")) {
        count += line.find_first_of(",-") == std::string::npos ? 1 : 0;
      }
    }
  }
  return count;
}

int own_cores() {
  cpu_set_t set;
  BOOST_REQUIRE(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0);
  return CPU_COUNT(&set);
}

/// The most pinned threads that were seen while the model ran on its streams.
int most_pinned(const CompiledModel& compiled, int requests) {
  std::vector<InferRequest> running;
  for (int i = 0; i < requests; ++i) {
    running.push_back(compiled.create_infer_request());
    running.back().start_async();
  }
  int most = 0;
  for (auto& request : running) {
    while (!request.wait_for(1ms)) {
      most = std::max(most, pinned_threads());
    }
  }
  return most;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_pinning, *boost::unit_test::precondition([](auto) {
                        return runtime::compute_slots() > 1;  // else all is pinned anyway
                      }))

BOOST_AUTO_TEST_CASE(threads_are_kept_on_a_core_while_they_compute_if_asked_to) {
  const int before = pinned_threads();
  const auto pinned =
      compile(slow(2000), {{"PERFORMANCE_HINT", "THROUGHPUT"}, {"ENABLE_CPU_PINNING", true}});
  BOOST_TEST(most_pinned(pinned, 4) > before);
  BOOST_TEST(std::get<bool>(pinned.get_property("ENABLE_CPU_PINNING").value()));
  const auto free = compile(slow(2000), {{"PERFORMANCE_HINT", "THROUGHPUT"}});
  // Nobody who computed for the first model is left on its core.
  BOOST_TEST(most_pinned(free, 4) == before);
}

BOOST_AUTO_TEST_CASE(a_caller_runs_where_it_could_before) {
  const int cores = own_cores();
  auto request = compile(slow(5), {{"ENABLE_CPU_PINNING", true}}).create_infer_request();
  request.infer();
  BOOST_TEST(own_cores() == cores);
}

BOOST_AUTO_TEST_SUITE_END()
