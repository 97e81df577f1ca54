#pragma once

#include "runtime/level.hpp"

/// A loop whose body is one stage and whose carried values keep their shapes needs no level of its
/// own: the body's plan is looked up once, carried values alternate between two buffers, slices are
/// pointers into their source and stacked outputs are written where they belong.
namespace coinfer::runtime {

/// Whether the loop that is about to begin is such a one.
bool runs_in_place(Operation& operation, LoopState& loop);

/// Runs iterations until there is no other, or until another run waits for the stream. Throws
/// Cancelled when the run was stopped.
void iterate_in_place(Operation& operation, LoopState& loop);

}  // namespace coinfer::runtime
