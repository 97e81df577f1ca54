#include "coinfer/model.hpp"

#include <filesystem>

#include "graph/graph.hpp"
#include "passes/passes.hpp"
#include "runtime/port_lookup.hpp"

namespace coinfer {

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

void Model::list_ports(Impl& impl) {
  const auto list = [&](const auto& ids, bool is_output) {
    std::vector<PortRef> ports;
    for (const auto id : ids) {
      const auto& value = (*impl.graph)[id];
      Port port;
      if (!value.name.empty()) {
        port.names.push_back(value.name);
      }
      port.node_name = value.name;
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
  return std::any_of(inputs().begin(), inputs().end(),
                     [](const PortRef& port) { return port->shape.is_dynamic(); });
}

const std::string& Model::friendly_name() const { return impl_->graph->name; }

void Model::reshape(const std::vector<std::pair<std::size_t, PartialShape>>& shapes) {
  auto changed = std::make_shared<graph::Graph>(*impl_->graph);
  for (const auto& [index, shape] : shapes) {
    (*changed)[changed->inputs[input(index)->index]].shape = shape;
  }
  for (const auto& node : changed->nodes) {
    for (const auto id : node.outputs) {
      if (id) {
        (*changed)[id].shape = PartialShape::dynamic();
      }
    }
  }
  passes::infer(*changed, false);
  Impl fresh{std::move(changed), {}, {}, impl_->path};
  list_ports(fresh);
  *impl_ = std::move(fresh);
}

}  // namespace coinfer
