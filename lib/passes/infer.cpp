#include <new>
#include <stdexcept>

#include "coinfer/error.hpp"
#include "ops/control_flow.hpp"
#include "ops/op.hpp"
#include "passes/bounds.hpp"
#include "passes/control_flow.hpp"
#include "passes/node.hpp"
#include "passes/passes.hpp"

namespace coinfer::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// Results of folding that are alive at once: a file of some bytes must not ask for more. Networks
/// that generate their weights need several hundred MiB.
constexpr std::size_t max_fold_bytes = std::size_t{1} << 30;

/// What is computed even when nothing is folded: the arithmetic of shapes.
constexpr std::size_t max_shape_bytes = 4096;

/// Runs `work`; errors that leave it name the node.
template <class Work>
auto naming(const Node& node, Work work) {
  const auto text = [&](const char* what) {
    const auto name = graph::describe(node);
    const std::string_view said{what};
    return said.find(name) != std::string_view::npos ? std::string{said}
                                                     : fmt::format("{} ({})", said, name);
  };
  try {
    return work();
  } catch (const Unsupported& error) {
    throw Unsupported(text(error.what()));
  } catch (const Error& error) {
    throw Error(text(error.what()));
  } catch (const std::bad_alloc&) {
    throw Error(text("there is not enough memory for the result"));
  } catch (const std::length_error&) {
    throw Error(text("the result is too large"));
  }
}

std::size_t bytes_of(const graph::Value& value) {
  const auto elements = static_cast<std::size_t>(value.shape.to_shape().elements());
  return elements * size_of(value.type);
}

/// Bytes of all outputs; nullopt when one of them is not known to be static.
std::optional<std::size_t> result_bytes(const Graph& graph, const Node& node) {
  std::size_t bytes = 0;
  for (const auto id : node.outputs) {
    if (!id) {
      continue;
    }
    const auto& value = graph[id];
    if (value.type == ElementType::dynamic || value.shape.is_dynamic()) {
      return std::nullopt;
    }
    bytes += bytes_of(value);
  }
  return bytes;
}

/// The constant as dense memory, as kernels expect it.
Tensor dense(const Tensor& tensor) {
  if (tensor.is_continuous()) {
    return tensor;
  }
  Tensor copy{tensor.type(), tensor.shape()};
  tensor.copy_to(copy);
  return copy;
}

void fold_by_kernel(Graph& graph, const Node& node) {
  const auto kernel = node.op->kernel(ops::KernelContext{node, graph});
  std::vector<Tensor> sources;
  std::vector<const void*> src;
  for (const auto id : node.inputs) {
    sources.push_back(id ? dense(graph[id].constant) : Tensor{});
    src.push_back(id ? sources.back().data() : nullptr);
  }
  std::vector<Tensor> results;
  std::vector<void*> dst;
  for (const auto id : node.outputs) {
    results.push_back(id ? Tensor{graph[id].type, graph[id].shape.to_shape()} : Tensor{});
    dst.push_back(id ? results.back().data() : nullptr);
  }
  kernel(src.data(), dst.data());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (node.outputs[i]) {
      graph[node.outputs[i]].constant = results[i];
    }
  }
}

void fold_by_evaluation(Graph& graph, const Node& node) {
  std::vector<Tensor> sources;
  for (const auto id : node.inputs) {
    sources.push_back(id ? dense(graph[id].constant) : Tensor{});
  }
  const auto results = node.op->evaluate(node, sources);
  for (std::size_t i = 0; i < results.size() && i < node.outputs.size(); ++i) {
    if (node.outputs[i]) {
      auto& value = graph[node.outputs[i]];
      value.type = results[i].type();
      value.shape = PartialShape{results[i].shape()};
      value.constant = results[i];
    }
  }
}

bool all_outputs_constant(const Graph& graph, const Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(),
                     [&](ValueId id) { return !id || graph.is_constant(id); });
}

/// Frees folded values as soon as every reader is folded too, and counts the rest.
class FoldedMemory {
 public:
  explicit FoldedMemory(const Graph& graph)
      : uses_{graph}, unread_(graph.values.size(), 0), counted_(graph.values.size(), false) {
    for (std::uint32_t i = 0; i < graph.values.size(); ++i) {
      unread_[i] = uses_.readers(ValueId{i}).size();
    }
  }

  std::size_t left() const { return alive_ >= max_fold_bytes ? 0 : max_fold_bytes - alive_; }

  void folded(Graph& graph, const Node& node) {
    for (const auto id : node.outputs) {
      if (id) {
        counted_[id.index] = true;
        alive_ += bytes_of(graph[id]);
      }
    }
    for (const auto id : node.inputs) {
      if (!id || --unread_[id.index] != 0 || !counted_[id.index] || uses_.is_output(id)) {
        continue;
      }
      alive_ -= bytes_of(graph[id]);
      graph[id].constant = Tensor{};
    }
  }

 private:
  graph::Uses uses_;
  std::vector<std::size_t> unread_;
  std::vector<bool> counted_;
  std::size_t alive_ = 0;
};

}  // namespace

std::vector<std::size_t> infer_node(Graph& graph, Node& node) {
  if (node.op == nullptr) {
    node.op = ops::Registry::instance().find(node.domain, node.type, node.opset);
    if (node.op == nullptr) {
      throw Unsupported(fmt::format("the operator {} of opset {} is not supported ({})",
                                    node.domain.empty() ? node.type : node.domain + "." + node.type,
                                    node.opset, graph::describe(node)));
    }
  }
  for (const auto id : node.outputs) {
    if (id) {
      graph[id].constant = Tensor{};
      graph[id].bounds.reset();
    }
  }
  if (ops::has_bodies(node)) {
    infer_bodies(graph, node);
    return {};
  }
  return naming(node, [&] {
    ops::InferContext context{node, graph};
    node.op->infer(context);
    infer_bounds(graph, node);
    return context.wanted();
  });
}

bool fold_node(Graph& graph, const Node& node, std::size_t max_bytes) {
  if (node.op == nullptr || !node.post_ops.empty() ||
      (node.op->kernel == nullptr && node.op->evaluate == nullptr) ||
      !std::all_of(node.inputs.begin(), node.inputs.end(),
                   [&](ValueId id) { return !id || graph.is_constant(id); })) {
    return false;
  }
  return naming(node, [&] {
    if (node.op->kernel == nullptr) {
      std::size_t bytes = 0;
      for (const auto id : node.inputs) {
        bytes += id ? graph[id].constant.byte_size() : 0;
      }
      if (bytes > max_bytes) {
        return false;
      }
      fold_by_evaluation(graph, node);
      return all_outputs_constant(graph, node);
    }
    const auto bytes = result_bytes(graph, node);
    if (!bytes || *bytes > max_bytes) {
      return false;
    }
    fold_by_kernel(graph, node);
    return true;
  });
}

void infer(Graph& graph, bool fold) {
  FoldedMemory memory{graph};
  for (auto& node : graph.nodes) {
    infer_node(graph, node);
    if (all_outputs_constant(graph, node)) {
      continue;  // known from shapes: no input's value was read
    }
    const auto room = fold ? memory.left() : max_shape_bytes;
    if (fold_node(graph, node, room) && fold) {
      memory.folded(graph, node);
    }
  }
}

void remove_dead(Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  for (const auto id : graph.outputs) {
    needed[id.index] = true;
  }
  std::vector<bool> keep(graph.nodes.size(), false);
  for (auto i = graph.nodes.size(); i-- > 0;) {
    const auto& node = graph.nodes[i];
    keep[i] = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id && needed[id.index] && !graph.is_constant(id);
    });
    if (!keep[i]) {
      continue;
    }
    for (const auto id : node.inputs) {
      if (id) {
        needed[id.index] = true;
      }
    }
    for (const auto& post_op : node.post_ops) {
      if (post_op.operand) {
        needed[post_op.operand.index] = true;
      }
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!keep[i]) {
      continue;
    }
    if (kept != i) {
      graph.nodes[kept] = std::move(graph.nodes[i]);
    }
    ++kept;
  }
  graph.nodes.resize(kept);
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (!needed[i]) {
      graph.values[i].constant = Tensor{};
    }
  }
}

}  // namespace coinfer::passes
