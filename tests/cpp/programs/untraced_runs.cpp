// What a trace costs a run, counted: the looks at the clock and the allocations of the calling
// thread. A program, because it replaces clock_gettime and operator new.

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>

#include "../small_models.hpp"
#include "coinfer/profiling.hpp"

namespace {

struct Counts {
  long looks = 0;
  long allocations = 0;
  bool operator==(const Counts&) const = default;
};
thread_local Counts counts;

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  ++counts.looks;
  return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define COINFER_SANITIZED  // sanitizers have an operator new of their own: looks only are counted
#endif
#endif
#ifndef COINFER_SANITIZED
void* operator new(std::size_t bytes) {
  ++counts.allocations;
  if (void* block = std::malloc(bytes == 0 ? 1 : bytes)) {
    return block;
  }
  throw std::bad_alloc{};
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
#endif

namespace {

using namespace coinfer;
using namespace coinfer::testing;

void check(bool holds, const char* what) {
  if (!holds) {
    throw std::runtime_error{what};
  }
}

/// Of one run; all of 100 runs must be alike.
Counts of_a_run(InferRequest& request) {
  Counts first;
  for (int i = 0; i < 120; ++i) {
    const auto before = counts;
    request.infer();
    const Counts now{counts.looks - before.looks, counts.allocations - before.allocations};
    if (i == 20) {  // warm
      first = now;
    }
    check(i <= 20 || now == first, "runs look at the clock equally often");
  }
  return first;
}

/// Steps that are kernels of ours: oneDNN makes a table of arguments whenever a primitive runs.
Model steps_of_ours(int count) {
  GraphMaker make;
  auto value = make.input("x", PartialShape{16, 16});
  for (int i = 0; i < count; ++i) {
    value = make.node("Softmax", {value});
  }
  make.output(value, "out");
  return make.model();
}

void run(const std::filesystem::path& path) {
  const auto short_model = compile(steps_of_ours(2));
  const auto long_model = compile(steps_of_ours(200));
  auto of_few_steps = short_model.create_infer_request();
  auto of_many_steps = long_model.create_infer_request();

  const auto few = of_a_run(of_few_steps);
  const auto many = of_a_run(of_many_steps);
  std::cout << "without a trace: " << few.looks << " looks at the clock and " << few.allocations
            << " allocations a run of 2 steps, " << many.looks << " and " << many.allocations
            << " of 200\n";
  check(few == many, "without a trace no step is looked at");
  check(few.allocations == 0, "without a trace nothing is allocated");

  trace::start(path);
  for (int i = 0; i < 20; ++i) {
    of_many_steps.infer();
  }
  const auto before = counts.looks;
  of_many_steps.infer();
  const auto traced = counts.looks - before;
  trace::stop();
  std::cout << "with one: " << traced << " looks a run of 200 steps\n";
  check(traced >= many.looks + 200, "with a trace each step is looked at, as this program counts");

  check(of_a_run(of_few_steps) == few && of_a_run(of_many_steps) == many,
        "after a trace it is as it was before");
}

}  // namespace

int main() {
  const auto path = std::filesystem::temp_directory_path() /
                    ("coinfer_untraced_" + std::to_string(getpid()) + ".json");
  int status = 0;
  try {
    run(path);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    status = 1;
  }
  std::filesystem::remove(path);
  return status;
}
