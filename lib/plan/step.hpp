#pragma once

#include <dnnl.hpp>
#include <string>
#include <vector>

#include "ops/op.hpp"
#include "plan/plan.hpp"
#include "plan/view.hpp"

namespace coinfer::plan {

/// Memory that a step reads or writes.
struct Argument {
  int id = 0;               ///< DNNL_ARG_*; not used by kernels
  dnnl::memory::desc desc;  ///< of primitives
  Buffer buffer;
  std::int64_t offset = 0;  ///< bytes; once planned, those of scratch count from the arena's start
};

/// One thing to do: a oneDNN primitive or a kernel. Immutable once planned.
class Step {
 public:
  std::string node;                 ///< "Conv 'conv1'", for errors
  dnnl::primitive primitive;        ///< null for a kernel
  ops::Kernel kernel;               ///< null for a primitive
  std::vector<Argument> arguments;  ///< of a kernel: sources, then destinations
  std::size_t sources = 0;          ///< of a kernel
};

/// The planned memory of a plan.
struct Plan::Layout {
  std::vector<const void*> constants;
  std::vector<std::shared_ptr<const void>> owners;
};

/// Places all scratch blocks (by their sizes) in one arena, so that blocks which are alive at the
/// same step do not overlap, and rewrites the steps' scratch arguments to offsets in it. Returns
/// the arena's size.
std::size_t plan_memory(std::span<const std::unique_ptr<Step>> steps,
                        std::span<const std::int64_t> block_bytes);

}  // namespace coinfer::plan
