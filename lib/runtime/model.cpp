#include "coinfer/model.hpp"

#include <filesystem>

#include "graph/graph.hpp"
#include "passes/passes.hpp"
#include "runtime/port_lookup.hpp"

namespace coinfer {
namespace {

bool contains(const PartialShape& all, const PartialShape& one) {
  if (!all.has_rank() || !one.has_rank()) {
    return !all.has_rank();
  }
  return std::equal(all.dimensions().begin(), all.dimensions().end(), one.dimensions().begin(),
                    one.dimensions().end(), [](const Dimension& outer, const Dimension& inner) {
                      return outer.min_length() <= inner.min_length() &&
                             inner.max_length() <= outer.max_length();
                    });
}

/// Declares a variable anew, where it stands and where it is read.
void reshape_variable(graph::Graph& graph, const std::string& name, const PartialShape& shape) {
  const auto found = std::find_if(graph.variables.begin(), graph.variables.end(),
                                  [&](const auto& variable) { return variable.name == name; });
  if (found == graph.variables.end()) {
    throw Error(fmt::format("the model has no variable '{}'", name));
  }
  found->shape = shape;
  for (auto& node : graph.nodes) {
    if (node.type == "ReadValue" && node.attributes.text("variable", "") == name) {
      node.attributes.set("shape", shape.to_string());
    }
  }
}

void check_initial_values(const graph::Graph& graph, const std::string& name,
                          const PartialShape& shape) {
  for (const auto& node : graph.nodes) {
    if (node.type != "ReadValue" || node.attributes.text("variable", "") != name ||
        !node.has_input(0) || contains(shape, graph[node.inputs[0]].shape)) {
      continue;
    }
    throw Error(fmt::format("the variable '{}' cannot have the shape {}: its initial value has {}",
                            name, shape.to_string(), graph[node.inputs[0]].shape.to_string()));
  }
}

}  // namespace

bool Port::has_name(std::string_view name) const noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const std::string& Port::any_name() const {
  if (names.empty()) {
    throw Error(fmt::format("{} {} has no name", is_output ? "output" : "input", index));
  }
  return names.front();
}

Model::Model(std::shared_ptr<graph::Graph> graph, std::string path)
    : impl_{std::make_shared<Impl>()} {
  impl_->graph = std::move(graph);
  impl_->path = std::move(path);
  list_ports(*impl_);
}

std::vector<std::string> names_of(const graph::Value& value) {
  std::vector<std::string> names;
  if (!value.name.empty() && !value.own_name) {
    names.push_back(value.name);
  }
  names.insert(names.end(), value.more_names.begin(), value.more_names.end());
  return names;
}

void Model::list_ports(Impl& impl) {
  const auto list = [&](const auto& ids, bool is_output) {
    std::vector<PortRef> ports;
    for (const auto id : ids) {
      const auto& value = (*impl.graph)[id];
      Port port;
      port.names = names_of(value);
      port.node_name = is_output ? graph::result_name(*impl.graph, ports.size())
                                 : graph::parameter_name(*impl.graph, ports.size());
      port.type = value.type;
      port.shape = value.shape;
      port.index = ports.size();
      port.is_output = is_output;
      ports.push_back(std::make_shared<const Port>(std::move(port)));
    }
    return ports;
  };
  impl.inputs = list(impl.graph->inputs, false);
  impl.outputs = list(impl.graph->outputs, true);
}

PortRef Model::input(std::string_view name) const {
  return runtime::find_port(inputs(), name, "input");
}
PortRef Model::output(std::string_view name) const {
  return runtime::find_port(outputs(), name, "output");
}
PortRef Model::input(std::size_t index) const {
  return runtime::find_port(inputs(), index, "input");
}
PortRef Model::output(std::size_t index) const {
  return runtime::find_port(outputs(), index, "output");
}

bool Model::is_dynamic() const {
  const auto dynamic = [&](graph::ValueId id) {
    return id && (*impl_->graph)[id].shape.is_dynamic();
  };
  const auto& nodes = impl_->graph->nodes;
  return std::any_of(impl_->graph->inputs.begin(), impl_->graph->inputs.end(), dynamic) ||
         std::any_of(nodes.begin(), nodes.end(), [&](const graph::Node& node) {
           return std::any_of(node.outputs.begin(), node.outputs.end(), dynamic);
         });
}

const std::string& Model::friendly_name() const { return impl_->graph->name; }

void Model::reshape(const std::vector<std::pair<std::size_t, PartialShape>>& shapes,
                    const std::vector<std::pair<std::string, PartialShape>>& variables) {
  auto changed = std::make_shared<graph::Graph>(*impl_->graph);
  for (const auto& [index, shape] : shapes) {
    (*changed)[changed->inputs[input(index)->index]].shape = shape;
  }
  for (const auto& [name, shape] : variables) {
    reshape_variable(*changed, name, shape);
  }
  for (const auto& node : changed->nodes) {
    for (const auto id : node.outputs) {
      if (id) {
        (*changed)[id].shape = PartialShape::dynamic();
      }
    }
  }
  passes::infer(*changed, false);
  for (const auto& [name, shape] : variables) {
    check_initial_values(*changed, name, shape);
  }
  replace_graph(std::move(changed));
}

void Model::replace_graph(std::shared_ptr<graph::Graph> graph) {
  Impl fresh{std::move(graph), {}, {}, impl_->path};
  list_ports(fresh);
  *impl_ = std::move(fresh);
}

void Model::set_friendly_name(std::string name) { impl_->graph->name = std::move(name); }

PortRef Model::add_output(std::string_view tensor_name) {
  const auto& values = impl_->graph->values;
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    const auto names = names_of(values[i]);
    if (std::find(names.begin(), names.end(), tensor_name) != names.end()) {
      return add_output(graph::ValueId{i});
    }
  }
  throw Error(fmt::format("the model has no tensor '{}'", tensor_name));
}

PortRef Model::add_output(std::string_view node_name, std::size_t output) {
  for (const auto& node : impl_->graph->nodes) {
    if (node.name != node_name) {
      continue;
    }
    if (output >= node.outputs.size() || !node.outputs[output]) {
      throw Error(fmt::format("output {} of {} was asked for; it has {}", output,
                              graph::describe(node), node.outputs.size()));
    }
    return add_output(node.outputs[output]);
  }
  throw Error(fmt::format("the model has no operation '{}'", node_name));
}

PortRef Model::add_output(graph::ValueId id) {
  auto& graph = *impl_->graph;
  const auto found = std::find(graph.outputs.begin(), graph.outputs.end(), id);
  const auto index = static_cast<std::size_t>(found - graph.outputs.begin());
  if (found == graph.outputs.end()) {
    graph.outputs.push_back(id);
    relist_ports();
  }
  return impl_->outputs[index];
}

void Model::remove_output(std::size_t index) {
  output(index);  // throws when there is none
  auto& graph = *impl_->graph;
  graph.outputs.erase(graph.outputs.begin() + static_cast<std::ptrdiff_t>(index));
  if (index < graph.result_names.size()) {
    graph.result_names.erase(graph.result_names.begin() + static_cast<std::ptrdiff_t>(index));
  }
  std::map<std::size_t, graph::Notes> notes;
  for (auto& [at, note] : graph.result_notes) {
    if (at != index) {
      notes.emplace(at - (at > index ? 1 : 0), std::move(note));
    }
  }
  graph.result_notes = std::move(notes);
  relist_ports();
}

void Model::remove_input(std::size_t index) {
  const auto port = input(index);
  auto& graph = *impl_->graph;
  const auto id = graph.inputs[index];
  const auto reads = [&](const graph::Node& node) {
    return std::find(node.inputs.begin(), node.inputs.end(), id) != node.inputs.end();
  };
  const auto reader = std::find_if(graph.nodes.begin(), graph.nodes.end(), reads);
  if (reader != graph.nodes.end()) {
    throw Error(fmt::format("the parameter '{}' cannot be removed: {} reads it", port->node_name,
                            graph::describe(*reader)));
  }
  if (std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end()) {
    throw Error(fmt::format("the parameter '{}' cannot be removed: it is an output of the model",
                            port->node_name));
  }
  graph.inputs.erase(graph.inputs.begin() + static_cast<std::ptrdiff_t>(index));
  if (index < graph.parameter_names.size()) {
    graph.parameter_names.erase(graph.parameter_names.begin() + static_cast<std::ptrdiff_t>(index));
  }
  relist_ports();
}

/// Ports that did not change stay the same objects.
void Model::relist_ports() {
  Impl fresh{impl_->graph, {}, {}, impl_->path};
  list_ports(fresh);
  const auto keep = [](std::vector<PortRef>& old, std::vector<PortRef>& made) {
    for (auto& port : made) {
      for (const auto& before : old) {
        if (*before == *port) {
          port = before;
        }
      }
    }
    old = std::move(made);
  };
  keep(impl_->inputs, fresh.inputs);
  keep(impl_->outputs, fresh.outputs);
}

Model Model::clone() const {
  return Model{std::make_shared<graph::Graph>(*impl_->graph), impl_->path};
}

const RtInfo& Model::rt_info() const { return impl_->graph->rt_info; }

void Model::set_rt_info(std::span<const std::string> path, RtInfo note) {
  auto& info = impl_->graph->rt_info;
  for (std::size_t i = 1; i < path.size(); ++i) {
    const auto* above = info.find(path.first(i));
    if (above != nullptr && above->value != Property{}) {
      throw Error(
          fmt::format("the note '{}' of the model is a value: nothing can be noted below it",
                      fmt::join(path.first(i), ".")));
    }
  }
  info.at(path) = std::move(note);
}

bool Model::erase_rt_info(const std::string& name) {
  return impl_->graph->rt_info.entries.erase(name) != 0;
}

}  // namespace coinfer
