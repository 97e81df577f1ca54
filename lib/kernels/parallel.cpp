#include "kernels/parallel.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_group.h>

#include "kernels/team.hpp"

namespace coinfer::kernels {

void for_each_part(std::int64_t parts, void (*call)(void* context, std::int64_t part),
                   void* context) {
  if (auto* const team = Team::current()) {
    team->run(parts, call, context);
    return;
  }
  tbb::parallel_for(
      tbb::blocked_range<std::int64_t>(0, parts, 1),
      [=](const tbb::blocked_range<std::int64_t>& range) {
        for (auto part = range.begin(); part != range.end(); ++part) {
          call(context, part);
        }
      },
      tbb::static_partitioner{});
}

struct Errands::Group {
  tbb::task_group tasks;
};

Errands::Errands() : group_{std::make_unique<Group>()} {}

Errands::~Errands() = default;

void Errands::run(void (*call)(void* context, int number), void* context, int number) {
  any_ = true;
  group_->tasks.run([=] { call(context, number); });
}

void Errands::wait() {
  if (any_) {
    group_->tasks.wait();
    any_ = false;
  }
}

}  // namespace coinfer::kernels
