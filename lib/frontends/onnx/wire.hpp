#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "coinfer/tensor.hpp"
#include "onnx-ml.pb.h"

/// An ONNX file walked by hand on protobuf's wire format, so that the weights (`raw_data`) stay
/// where they are in the file. Everything else of a message is its generated class: `head`.
namespace coinfer::frontends::onnx {

namespace pb = ::onnx;
using Bytes = std::span<const std::byte>;

/// Graphs nested in attributes of nodes of graphs, at most so deep.
inline constexpr int max_graph_depth = 32;

struct TensorView {
  pb::TensorProto head;  ///< without raw_data
  Bytes raw;
  bool has_raw = false;
  mutable Tensor read;  ///< made once: functions are inlined many times, their tensors are shared
};

struct GraphView;

struct AttributeView {
  pb::AttributeProto head;  ///< without t, g, tensors, graphs
  std::optional<TensorView> tensor;
  std::unique_ptr<GraphView> graph;
  bool has_lists = false;  ///< of tensors or graphs; no known operator has one
};

struct NodeView {
  pb::NodeProto head;  ///< without attributes
  std::vector<AttributeView> attributes;
};

struct GraphView {
  pb::GraphProto head;  ///< without nodes and initialisers
  std::vector<NodeView> nodes;
  std::vector<TensorView> initializers;
};

struct FunctionView {
  pb::FunctionProto head;  ///< without nodes and attribute_proto
  std::vector<NodeView> nodes;
  std::vector<AttributeView> defaults;  ///< attribute_proto
};

struct ModelView {
  pb::ModelProto head;  ///< without graph, functions and training_info
  std::optional<GraphView> graph;
  std::vector<FunctionView> functions;
};

/// Throws ModelFileError: truncated, damaged, nested too deep, not a ModelProto.
ModelView walk_model(Bytes bytes);

}  // namespace coinfer::frontends::onnx
