#pragma once

#include <vector>

#include "graph/graph.hpp"
#include "ops/control_flow.hpp"
#include "runtime/stream.hpp"

namespace coinfer {
class Operation;
}

namespace coinfer::runtime {

/// What is known of a value when a stage begins.
struct KnownValue {
  graph::ValueId value;
  Tensor tensor;
  bool shapes_plan = false;  ///< its contents are part of the plan's key
};

/// What a run needs of a control-flow node, found once per compiled model.
struct ControlNode {
  std::uint32_t bodies[2] = {0, 0};  ///< numbers of then and else, or of the loop's body
  ops::LoopForm loop;

  /// Where each input of a loop's body comes from.
  struct Feed {
    enum class Kind : std::uint8_t { iteration, condition, whole, carried, slice } kind;
    std::size_t index = 0;  ///< in the form's list
  };
  std::vector<Feed> feeds;
};

/// A loop between its iterations.
struct LoopState {
  const ControlNode* control = nullptr;
  std::int64_t iteration = 0;  ///< so many are over
  std::int64_t limit = 0;      ///< there are at most so many
  bool condition = true;       ///< there may be another
  bool in_place = false;       ///< see loop_in_place.hpp
  Tensor number;               ///< what the body reads as iteration and condition
  Tensor condition_in;
  std::vector<KnownValue> known;  ///< of the body's first stage

  std::vector<Tensor> carried;
  std::vector<Tensor> spare;  ///< in place: where the next values go

  /// A sliced input with its parts dense, one every `step` bytes.
  struct Slices {
    Tensor source;
    std::byte* first = nullptr;
    std::int64_t step = 0;
    Shape part;
  };
  std::vector<Slices> slices;

  /// Parts of a stacked output, dense, in the order of iterations.
  struct Stack {
    ElementType type = ElementType::dynamic;
    Shape part;
    std::size_t part_bytes = 0;
    std::size_t capacity = 0;  ///< parts
    MemoryRef memory;
  };
  std::vector<Stack> stacks;
  std::vector<Tensor> last;  ///< in place, by body output: those that go nowhere else

  /// Lets go of all tensors; vectors keep their memory.
  void clear() noexcept;
};

/// One graph that a run is in the middle of: the model's, or the body of a control-flow node of
/// the level below.
struct Level {
  std::uint32_t graph = 0;  ///< its number in the compiled model
  std::size_t first_node = 0;
  std::vector<KnownValue> known;  ///< what the stage at hand reads
  std::vector<KnownValue> next;
  /// Of a body; those of the model are the Operation's, then come what variables hold next.
  std::vector<Tensor> outputs;
  const graph::Node* node = nullptr;  ///< whose bodies are being run
  LoopState loop;

  bool is_body() const noexcept { return graph != 0; }
  void clear() noexcept;
};

/// The levels of a run, innermost last. Those that are left keep their memory for the next time.
class Levels {
 public:
  Level& top() { return *levels_[depth_ - 1]; }
  bool is_body() const noexcept { return depth_ > 1; }
  Level& push(std::uint32_t graph);
  void pop() noexcept;
  void clear() noexcept;

 private:
  std::vector<std::unique_ptr<Level>> levels_;
  std::size_t depth_ = 0;
};

/// Runs the next stage of a run on its leased stream, and what follows from it at once. False when
/// the model's last stage is over. Throws what the run fails with, Cancelled when it was stopped.
bool advance(Operation& operation);

/// Starts at the model's first stage.
void begin_levels(Operation& operation);

/// After the last stage: outputs that could not be written before are, and the request's variables
/// hold what was assigned.
void end_levels(Operation& operation);

}  // namespace coinfer::runtime
