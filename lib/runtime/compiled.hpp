#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coinfer/model.hpp"
#include "coinfer/tensor.hpp"
#include "graph/graph.hpp"
#include "plan/plan.hpp"
#include "plan/weights.hpp"
#include "runtime/config.hpp"
#include "runtime/level.hpp"
#include "runtime/prepared.hpp"
#include "runtime/run_frames.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/stream.hpp"

namespace coinfer::runtime {

class ModelCache;

/// A compiled model: the optimised graph, packed weights, the cache of plans and the streams.
/// *Thread safety*: shared objects: safe.
class Compiled {
 public:
  Compiled(Prepared prepared, const Config& config);
  ~Compiled();
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;

  const std::vector<PortRef>& inputs() const { return inputs_; }
  const std::vector<PortRef>& outputs() const { return outputs_; }
  const std::string& name() const { return name_; }
  const Config& config() const { return config_; }
  const graph::Graph& graph() const { return graph_; }
  /// As the passes left it: nodes that read variables are still there.
  const graph::Graph& prepared_graph() const { return before_states_ ? *before_states_ : graph_; }
  /// The graphs that plans are built for by their numbers: 0 is the model's own, bodies of control
  /// flow follow.
  const graph::Graph& graph(std::uint32_t number) const { return *graphs_[number]; }
  const ControlNode& control(const graph::Node& node) const { return control_nodes_.at(&node); }
  /// Inputs of the graph behind the model's own: variables that are read.
  struct StateInput {
    std::size_t variable;
    Tensor initial;  ///< null: zeros
  };
  const std::vector<StateInput>& state_inputs() const { return state_inputs_; }
  /// The variables that the graph's outputs behind the model's own are assigned to.
  const std::vector<std::size_t>& assigned() const { return assigned_; }
  /// The variable that a ReadValue reads.
  std::size_t variable(const graph::Node& node) const;
  RunFrames& frames() { return frames_; }
  WaitingRuns& waiting_runs() { return *waiting_; }
  std::size_t weight_bytes() const { return weights_.bytes(); }
  std::vector<plan::Weights::Stored> packed_weights() const { return weights_.packed(); }

  /// The bound plan of a stage on this stream, built when there is none yet. Called by the holder
  /// of the stream's lease.
  Stream::Bound& bound_plan(Stream& stream, std::uint32_t graph, std::size_t first_node,
                            const std::vector<KnownValue>& known);

  /// All plans that its runs need are there.
  void set_planned() { planned_ = true; }
  /// What its first run packs goes into its cached file, which is written anew.
  void keep_packed_by_runs(const ModelCache& cache);
  /// A run has succeeded.
  static void ran(const std::shared_ptr<Compiled>& compiled) {
    if (compiled->awaits_run_.load(std::memory_order_relaxed)) {
      after_first_run(compiled);
    }
  }

  /// Plans built so far, for tests: going back to an old shape builds none.
  std::size_t plans_built() const { return plans_built_.load(std::memory_order_relaxed); }

 private:
  struct CacheEntry {
    std::mutex building;
    std::shared_ptr<const StagePlan> stage;
  };
  void number_bodies(const graph::Graph& graph);
  void find_assigned();
  void add_state_inputs();
  std::shared_ptr<const StagePlan> cached_or_built(Stream& stream, std::uint32_t graph,
                                                   std::size_t first_node,
                                                   const std::vector<KnownValue>& known);
  std::shared_ptr<const StagePlan> build(Stream& stream, std::uint32_t graph,
                                         std::size_t first_node,
                                         const std::vector<KnownValue>& known);
  void evict();
  static void after_first_run(const std::shared_ptr<Compiled>& compiled);

  graph::Graph graph_;
  std::optional<graph::Graph> before_states_;
  std::vector<const graph::Graph*> graphs_;
  std::unordered_map<const graph::Node*, ControlNode> control_nodes_;
  std::vector<StateInput> state_inputs_;
  std::vector<std::size_t> assigned_;
  std::string name_;
  Config config_;
  std::vector<PortRef> inputs_;
  std::vector<PortRef> outputs_;
  plan::Weights weights_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::unique_ptr<WaitingRuns> waiting_;

  std::mutex mutex_;  // of the cache
  using Recent = std::list<std::pair<PlanKey, std::shared_ptr<CacheEntry>>>;
  Recent recent_;
  std::unordered_map<PlanKey, Recent::iterator, PlanKeyHash> cache_;
  std::atomic<std::size_t> plans_built_{0};
  RunFrames frames_;

  bool planned_ = false;
  std::size_t packed_before_runs_ = 0;
  std::unique_ptr<ModelCache> behind_;  ///< its file, until the first run has succeeded
  std::atomic<bool> awaits_run_{false};
};

/// Compiles a model, or takes it from CACHE_DIR; throws Error naming node or property.
std::shared_ptr<Compiled> compile(const Model& model, Config config);
/// Makes an exported model ready.
std::shared_ptr<Compiled> compile(Prepared prepared, const Config& config);
/// As the cache has it, or else as `make` prepares it, which the cache then gets.
std::shared_ptr<Compiled> compile(ModelCache cache, Config config,
                                  const std::function<Prepared(ModelCache&)>& make);

}  // namespace coinfer::runtime
