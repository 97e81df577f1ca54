#pragma once

#include <boost/container/small_vector.hpp>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "coinfer/profiling.hpp"
#include "kernels/parallel.hpp"
#include "plan/plan.hpp"
#include "runtime/arena_threads.hpp"
#include "runtime/pinned_threads.hpp"

namespace coinfer::runtime {

/// Identifies a stage's plan: the stage, its inputs' shapes, and values that shape it.
using PlanKey = boost::container::small_vector<std::int64_t, 24>;

struct PlanKeyHash {
  std::size_t operator()(const PlanKey& key) const noexcept;
};

/// A plan with its place among the model's inputs and outputs.
struct StagePlan {
  std::shared_ptr<const plan::Plan> plan;
  /// For each plan input its index among what the stage knows.
  std::vector<std::uint32_t> sources;
  /// For each plan output the model outputs that are this value, and whether later stages read it.
  struct Target {
    boost::container::small_vector<std::uint32_t, 1> outputs;
    bool carried = false;
  };
  std::vector<Target> targets;
  /// For each value the next stage knows: index among the known of this stage, or, from
  /// `known.size()` on, among this plan's outputs.
  std::vector<std::uint32_t> live_from;
};

/// Where runs of a model compute, one at a time: a TBB arena of the lease's size, scratch memory,
/// and the instances of the plans that ran here. *Thread safety*: used by the holder of its lease
/// only.
class Stream {
 public:
  /// `cores`: where its threads are kept while they compute, one each; empty: anywhere.
  explicit Stream(int threads, const std::vector<int>& cores = {});

  int threads() const { return threads_; }
  /// Runs `work` inside the arena of that many threads.
  template <class Work>
  void execute(int threads, Work&& work) {
    (threads == 1 ? single_ : arena_).execute(std::forward<Work>(work));
  }

  struct Bound {
    std::shared_ptr<const StagePlan> stage;
    std::unique_ptr<plan::Instance> instance;
    std::vector<const trace::Text*> step_texts;  ///< of the plan's steps, once traced
  };
  /// The instance that ran here last for the key; null when there is none.
  Bound* find(const PlanKey& key);
  Bound& add(const PlanKey& key, std::shared_ptr<const StagePlan> stage);
  /// Frees instances and scratch memory.
  void clear();

  // Arguments of the run at hand; members so that their memory is reused.
  PlanKey key;
  std::vector<const void*> input_pointers;
  std::vector<void*> output_pointers;
  plan::StepTimes step_times;

  int number = 0;                     ///< among its model's streams
  std::optional<trace::Track> track;  ///< once traced

 private:
  using Entry = std::pair<PlanKey, Bound>;
  static constexpr std::size_t max_instances = 64;

  const int threads_;
  kernels::Arena single_;
  kernels::Arena arena_;
  std::optional<PinnedThreads> pinned_single_;
  std::optional<PinnedThreads> pinned_;
  std::optional<ArenaThreads> arena_threads_;  // a single thread's arena is joined by nobody
  plan::Scratch scratch_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<PlanKey, std::list<Entry>::iterator, PlanKeyHash> by_key_;
};

}  // namespace coinfer::runtime
