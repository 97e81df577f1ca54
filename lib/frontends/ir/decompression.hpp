#pragma once

#include <unordered_map>
#include <unordered_set>

#include "frontends/ir/writer.hpp"

namespace coinfer::frontends::ir {

/// Keeps account of what follows from constants alone, as the weights of compressed models do
/// (integers converted to f16, less a zero point, times a scale). Where the file has it in half
/// precision it is computed in f32, as OpenVINO's plugin does, and rounded only where something
/// else than constants meets it.
class Decompression {
 public:
  explicit Decompression(graph::Graph& graph) : graph_{graph} {}

  void add_constant(ValueId id) { of_constants_.insert(id.index); }
  /// Whether the layer computes on constants alone, in a way that f32 can only make better.
  bool is_wide(const Layer& layer, const std::vector<ValueId>& inputs) const;
  /// The inputs as a layer should read them.
  std::vector<ValueId> inputs_of(const std::vector<ValueId>& inputs, bool wide);
  /// The results of a wide layer.
  void add_results(const Layer& layer, const std::vector<ValueId>& inputs,
                   const std::vector<ValueId>& results);

 private:
  /// f16 or bf16 when the file has the value so; else dynamic.
  ElementType half_of(ValueId id) const;

  graph::Graph& graph_;
  std::unordered_set<std::uint32_t> of_constants_;
  std::unordered_map<std::uint32_t, ElementType> narrow_;  ///< what the file says of f32 values
};

}  // namespace coinfer::frontends::ir
