#include "graph/graph.hpp"

#include "coinfer/error.hpp"

namespace coinfer::graph {

Uses::Uses(const Graph& graph)
    : producer_(graph.values.size(), -1),
      readers_(graph.values.size()),
      is_output_(graph.values.size(), false) {
  for (std::uint32_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& node = graph.nodes[i];
    for (const auto id : node.outputs) {
      if (id) {
        producer_[id.index] = static_cast<int>(i);
      }
    }
    for (const auto id : node.inputs) {
      if (id) {
        readers_[id.index].push_back(i);
      }
    }
    for (const auto& post_op : node.post_ops) {
      if (post_op.operand) {
        readers_[post_op.operand.index].push_back(i);
      }
    }
  }
  for (const auto id : graph.outputs) {
    is_output_[id.index] = true;
  }
}

void sort_topologically(Graph& graph) {
  std::vector<int> producer(graph.values.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const auto id : graph.nodes[i].outputs) {
      if (id) {
        producer[id.index] = static_cast<int>(i);
      }
    }
  }
  std::vector<std::vector<std::uint32_t>> readers(graph.nodes.size());
  std::vector<std::size_t> missing(graph.nodes.size(), 0);
  for (std::uint32_t i = 0; i < graph.nodes.size(); ++i) {
    const auto depend = [&](ValueId id) {
      if (id && producer[id.index] >= 0) {
        readers[static_cast<std::size_t>(producer[id.index])].push_back(i);
        ++missing[i];
      }
    };
    for (const auto id : graph.nodes[i].inputs) {
      depend(id);
    }
    for (const auto& post_op : graph.nodes[i].post_ops) {
      depend(post_op.operand);
    }
  }
  // Ready nodes are taken in their old order, so that a sorted graph stays as it is.
  std::vector<std::uint32_t> ready;
  for (std::uint32_t i = 0; i < missing.size(); ++i) {
    if (missing[i] == 0) {
      ready.push_back(i);
    }
  }
  const auto later = std::greater<>{};
  std::make_heap(ready.begin(), ready.end(), later);
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end(), later);
    const auto i = ready.back();
    ready.pop_back();
    sorted.push_back(std::move(graph.nodes[i]));
    for (const auto reader : readers[i]) {
      if (--missing[reader] == 0) {
        ready.push_back(reader);
        std::push_heap(ready.begin(), ready.end(), later);
      }
    }
  }
  if (sorted.size() != graph.nodes.size()) {
    const auto stuck =
        std::find_if(missing.begin(), missing.end(), [](std::size_t count) { return count != 0; });
    throw ModelFileError(
        fmt::format("the graph has a cycle through {}",
                    describe(graph.nodes[static_cast<std::size_t>(stuck - missing.begin())])));
  }
  graph.nodes = std::move(sorted);
}

std::string parameter_name(const Graph& graph, std::size_t index) {
  if (index < graph.parameter_names.size() && !graph.parameter_names[index].empty()) {
    return graph.parameter_names[index];
  }
  const auto& name = graph[graph.inputs[index]].name;
  return name.empty() ? fmt::format("Parameter_{}", index) : name;
}

std::string result_name(const Graph& graph, std::size_t index) {
  if (index < graph.result_names.size() && !graph.result_names[index].empty()) {
    return graph.result_names[index];
  }
  const auto& name = graph[graph.outputs[index]].name;
  return name.empty() ? fmt::format("Result_{}", index) : name + "/sink_port_0";
}

std::string describe(const Node& node) {
  const auto prefix = node.domain.empty() ? std::string{} : node.domain + ".";
  return fmt::format("{}{} '{}'", prefix, node.type, node.name);
}

}  // namespace coinfer::graph
