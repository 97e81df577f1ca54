#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "coinfer/tensor.hpp"
#include "graph/graph.hpp"
#include "plan/sections.hpp"

/// A Plan is a graph lowered for one set of input shapes: an array of ready steps over one planned
/// block of scratch memory.
namespace coinfer::plan {

class Weights;  // packed weights, shared by the plans of one model
class Step;

/// What a stage reads or writes from outside: a model's input or output, or a value that a later
/// stage needs.
struct PortSpec {
  graph::ValueId value;
  ElementType type;
  Shape shape;
  std::string name;
};

/// Where a model whose shapes depend on values continues after a stage has run.
struct Cut {
  std::size_t next_node;  ///< index into Graph::nodes
  std::vector<graph::ValueId>
      live;  ///< all values later stages read; outputs of this stage or of earlier ones
  std::vector<graph::ValueId> known;  ///< of these, the ones whose contents shape the next stage
  /// Run `next_node`'s OpDef::evaluate on its inputs, then build the next stage from
  /// `next_node + 1` with the results among the known values.
  bool evaluate_next = false;
  /// Run the bodies of `next_node`, then go on as after an evaluation.
  bool control_next = false;
};

/// Immutable once built. *Thread safety*: shared objects: safe.
class Plan {
 public:
  Plan();
  ~Plan();
  /// One for each `known` value that the plan was built with, in their order, read or not.
  std::span<const PortSpec> inputs() const { return inputs_; }
  /// First the graph's outputs that this stage computes (in their order, each as often as it is
  /// listed; those that are graph inputs or constants belong to the first stage), then the other
  /// values that later stages read.
  std::span<const PortSpec> outputs() const { return outputs_; }
  /// Null for the last stage.
  const Cut* cut() const { return cut_.get(); }
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  /// What the plan itself holds besides shared weights, for the cache's bound.
  std::size_t resident_bytes() const { return resident_bytes_; }
  /// Threads of the arena it was built in and must run in.
  int threads() const { return threads_; }

  struct StepInfo {
    std::string node;            ///< name of the (first) node
    std::string type;            ///< "Conv+Relu"
    std::string implementation;  ///< oneDNN's impl_info_str or "kernel"
    std::string layout;          ///< of the first destination: "nhwc", "abc"…
    double flops = 0;
  };
  std::span<const StepInfo> step_infos() const { return infos_; }
  /// All steps, in order: those of a section are started together.
  std::span<const Section> sections() const { return sections_; }
  /// A line for each step whose implementation is far slower than others of its operator, and for
  /// what could not be computed in the precision that was asked for.
  std::span<const std::string> warnings() const { return warnings_; }

  struct Layout;

 private:
  friend class Builder;
  friend class Instance;
  friend class Lowering;
  std::vector<PortSpec> inputs_;
  std::vector<PortSpec> outputs_;
  std::unique_ptr<Cut> cut_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Section> sections_;
  std::vector<StepInfo> infos_;
  std::vector<std::string> warnings_;
  std::size_t scratch_bytes_ = 0;
  std::size_t resident_bytes_ = 0;
  int threads_ = 1;
  std::unique_ptr<Layout> layout_;
};

/// What is known when a stage is planned: for the first stage the model's inputs (shape only), for
/// a later one every live value. `contents` is set where the value itself shapes the plan.
struct Known {
  graph::ValueId value;
  ElementType type;
  Shape shape;
  Tensor contents;
};

/// Builds the plan of the stage that starts at `first_node`. Call it inside the arena in which the
/// plan will run. Throws Error that names the node. With `bf16` what profits runs in that type; its
/// inputs and outputs keep theirs.
std::shared_ptr<const Plan> build(const graph::Graph& graph, std::size_t first_node,
                                  std::span<const Known> known, Weights& weights, int threads,
                                  bool bf16 = false);

/// The scratch memory of one stream; grows, never shrinks while in use.
class Scratch {
 public:
  /// At least `bytes`, 64-byte aligned. May move the block.
  std::byte* reserve(std::size_t bytes);
  std::byte* data() const { return data_; }
  void release();

 private:
  MemoryRef memory_;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Nanoseconds of each step of a run, filled when asked for.
using StepTimes = std::vector<std::chrono::nanoseconds>;

/// A plan with its argument arrays bound to one stream's scratch memory.
/// *Thread safety*: distinct objects: safe, also of one plan. Shared objects: unsafe.
class Instance {
 public:
  Instance(std::shared_ptr<const Plan> plan, Scratch& scratch);
  ~Instance();
  const Plan& plan() const { return *plan_; }

  enum class End : std::uint8_t { finished, stopped };
  /// Runs all steps on the calling thread (and its arena's). `inputs` and `outputs` are dense, one
  /// per PortSpec, in their order; pointers that equal the last run's cost nothing. Looks at `stop`
  /// before each section. Throws Error naming the node. No allocation in a normal run. With `times`
  /// each step is a section of its own.
  End run(std::span<const void* const> inputs, std::span<void* const> outputs,
          const std::atomic<bool>& stop, StepTimes* times = nullptr);

 private:
  struct Bound;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<Bound> bound_;
};

}  // namespace coinfer::plan
