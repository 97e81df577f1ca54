#pragma once

#include "runtime/level.hpp"

/// The parts of a loop that do not depend on how its iterations are run.
namespace coinfer::runtime {

/// Reads count and condition, takes the initial values and prepares the slices. `input` gives the
/// node's inputs.
void begin_loop(LoopState& loop, const ControlNode& control, const graph::Node& node,
                const graph::Graph& body, const std::function<KnownValue(std::size_t)>& input);

inline bool has_next(const LoopState& loop) {
  return loop.condition && loop.iteration < loop.limit;
}

/// Sets what the body reads in the next iteration.
void set_iteration(LoopState& loop);
/// The part of a sliced input that the next iteration reads.
std::byte* slice_at(const LoopState& loop, std::size_t slice);

/// The value of a boolean tensor of one element.
bool holds(const Tensor& condition, const graph::Node& node);

/// Room for one more part of a stacked output; all parts have the same type and shape.
std::byte* room_in_stack(LoopState& loop, std::size_t stack, ElementType type, const Shape& part,
                         const graph::Node& node);

/// The node's outputs. `last` are the last iteration's by body output; not there after none.
std::vector<Tensor> end_loop(LoopState& loop, const graph::Node& node, const graph::Graph& body,
                             std::span<const Tensor> last);

}  // namespace coinfer::runtime
