#pragma once

#include <dnnl.hpp>
#include <string>
#include <vector>

#include "ops/op.hpp"
#include "plan/plan.hpp"
#include "plan/view.hpp"

namespace coinfer::plan {

/// What each part of a step in parts touches of an argument's memory, in bytes from its first one:
/// those in [first, second) of every `period`, or of all if that is 0. Without parts: anything.
struct Reach {
  std::int64_t period = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> parts;
};

/// Reaches of `count` parts that have `bytes` each, one after another.
inline Reach consecutive(std::int64_t count, std::int64_t bytes) {
  Reach reach;
  for (std::int64_t part = 0; part < count; ++part) {
    reach.parts.emplace_back(part * bytes, (part + 1) * bytes);
  }
  return reach;
}

/// Memory that a step reads or writes.
struct Argument {
  int id = 0;               ///< DNNL_ARG_*; not used by kernels
  dnnl::memory::desc desc;  ///< of primitives
  Buffer buffer;
  std::int64_t offset = 0;  ///< bytes; once planned, those of scratch count from the arena's start
  Reach reach;
};

/// One thing to do: a oneDNN primitive, a kernel, or one in parts. Immutable once planned.
class Step {
 public:
  std::string node;                 ///< "Conv 'conv1'", for errors
  dnnl::primitive primitive;        ///< null for a kernel
  ops::Kernel kernel;               ///< null for a primitive, and for a kernel in parts
  ops::Parts parts;                 ///< of a kernel in parts
  std::vector<Argument> arguments;  ///< of a kernel: sources, then destinations
  std::size_t sources = 0;          ///< of a kernel
};

/// The planned memory of a plan.
struct Plan::Layout {
  std::vector<const void*> constants;
  std::vector<std::shared_ptr<const void>> owners;
};

/// Places all scratch blocks (by their sizes) in one arena, so that blocks which are alive in the
/// same section do not overlap, and rewrites the steps' scratch arguments to offsets in it. Returns
/// the arena's size.
std::size_t plan_memory(std::span<const std::unique_ptr<Step>> steps,
                        std::span<const Section> sections,
                        std::span<const std::int64_t> block_bytes);

}  // namespace coinfer::plan
