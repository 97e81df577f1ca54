#pragma once

#include <dnnl.hpp>
#include <optional>

#include "graph/graph.hpp"

namespace coinfer::ops {

/// A function of one element as oneDNN names it.
struct Eltwise {
  dnnl::algorithm algorithm = dnnl::algorithm::undef;
  float alpha = 0;
  float beta = 0;
};

/// The node as a function of its input `input` (the others being constant scalars); nullopt when it
/// is none that oneDNN has. Only for f32 and bf16 nodes.
struct EltwiseNode {
  Eltwise function;
  std::size_t input = 0;
};
std::optional<EltwiseNode> as_eltwise(const graph::Graph& graph, const graph::Node& node);

/// The node as a binary operation of two operands; nullopt when it is none that oneDNN has.
std::optional<dnnl::algorithm> as_binary(const graph::Node& node);

}  // namespace coinfer::ops
