#include "frontends/ir/values.hpp"

#include "coinfer/model.hpp"
#include "frontends/ir/writer.hpp"
#include "ops/op.hpp"

namespace coinfer::frontends::ir {

void set_names(graph::Value& value, std::vector<std::string> names) {
  value.own_name = names.empty();
  if (!names.empty()) {
    value.name = names.front();
    names.erase(names.begin());
  }
  value.more_names = std::move(names);
}

void add_name(graph::Value& value, const std::string& name) {
  auto names = names_of(value);
  const auto place = std::lower_bound(names.begin(), names.end(), name);
  if (place != names.end() && *place == name) {
    return;
  }
  names.insert(place, name);
  if (value.own_name && value.constant) {
    value.more_names = std::move(names);
  } else {
    set_names(value, std::move(names));
  }
}

graph::ValueId cast(graph::Graph& graph, graph::ValueId value, ElementType type) {
  graph::Node node;
  node.name = fmt::format("{}/{}", graph[value].name, name_of(type));
  node.type = "Cast";
  node.opset = 22;
  node.op = ops::Registry::instance().find("", node.type, node.opset);
  node.inputs.push_back(value);
  node.attributes.set("to", onnx_type(type));
  const auto result = graph.add({.name = node.name, .own_name = true});
  node.outputs.push_back(result);
  ops::InferContext context{node, graph};
  node.op->infer(context);
  graph.nodes.push_back(std::move(node));
  return result;
}

}  // namespace coinfer::frontends::ir
