#pragma once

#include <string>
#include <vector>

#include "coinfer/model.hpp"
#include "frontends/mapped_file.hpp"
#include "graph/graph.hpp"
#include "plan/weights.hpp"

namespace coinfer::runtime {

/// What a model is compiled from once all passes are done: made from a Model, or read from an
/// exported one.
struct Prepared {
  graph::Graph graph;
  std::string name;
  std::vector<PortRef> inputs;
  std::vector<PortRef> outputs;
  std::vector<plan::Weights::Stored> packed;
  std::vector<frontends::FileVersion> sources;  ///< of a cached one: the files it was read from
  bool has_run = false;  ///< of a cached one: `packed` has what runs pack, too
};

/// Runs the passes on a copy of the model's graph.
Prepared prepare(const Model& model);
/// The same for a graph that nobody else has: what the passes replace is freed at once.
Prepared prepare(std::shared_ptr<graph::Graph> graph);

}  // namespace coinfer::runtime
