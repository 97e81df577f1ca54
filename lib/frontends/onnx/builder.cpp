#include "frontends/onnx/builder.hpp"

#include "coinfer/error.hpp"
#include "ops/op.hpp"

namespace coinfer::frontends::onnx {

using graph::Graph;
using graph::no_value;
using graph::Node;
using graph::Value;
using graph::ValueId;

namespace {

ValueId add_name(std::string_view name, Value value, graph::Graph& graph,
                 std::unordered_map<std::string_view, ValueId>& names, std::string_view kind) {
  if (name.empty()) {
    throw ModelFileError(fmt::format("{} has no name", kind));
  }
  const auto id = ValueId{static_cast<std::uint32_t>(graph.values.size())};
  if (!names.emplace(name, id).second) {
    throw ModelFileError(fmt::format("{} '{}' has the name of an earlier value", kind, name));
  }
  return graph.add(std::move(value));
}

/// A node that makes an output of the model goes by the output's name, as it does in OpenVINO: code
/// that looks for it in `get_ops()` or `profiling_info` knows the one and not always the other.
void rename_makers(const GraphView& view, Graph& graph) {
  const graph::Uses uses{graph};
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    if (const auto made_by = uses.producer(graph.outputs[i]); made_by >= 0) {
      graph.nodes[static_cast<std::size_t>(made_by)].name =
          view.head.output(static_cast<int>(i)).name();
    }
  }
}

}  // namespace

Builder::Builder(const ModelView& model, TensorReader& tensors)
    : model_{model},
      tensors_{tensors},
      functions_{model},
      opsets_{model.head.opset_import(), "the model"} {}

std::shared_ptr<Graph> Builder::build() {
  const auto& view = *model_.graph;
  auto graph = std::make_shared<Graph>();
  graph->name = view.head.name();
  Scope scope{.graph = *graph, .outer = nullptr, .opsets = opsets_};
  add_initializers(view, scope);
  add_inputs(view, scope, true);
  declare_results(view.nodes, scope);
  add_nodes(view.nodes, scope);
  add_outputs(view, scope);
  if (!unknown_.empty()) {
    fail_unknown();
  }
  note_promises(view, scope);
  graph::sort_topologically(*graph);
  rename_makers(view, *graph);
  return graph;
}

void Builder::add_initializers(const GraphView& view, Scope& scope) {
  for (const auto& initializer : view.initializers) {
    const auto& name = initializer.head.name();
    const auto tensor = tensors_.read(initializer, fmt::format("the initialiser '{}'", name));
    Value value{scope.prefix + name, tensor.type(), PartialShape{tensor.shape()}, tensor};
    add_name(name, std::move(value), scope.graph, scope.names, "an initialiser");
  }
  if (view.head.sparse_initializer_size() > 0) {
    throw Unsupported(fmt::format("the initialiser '{}' is a sparse tensor, which is not supported",
                                  view.head.sparse_initializer(0).values().name()));
  }
}

void Builder::add_inputs(const GraphView& view, Scope& scope, bool typed) {
  std::set<std::string_view> seen;
  for (const auto& info : view.head.input()) {
    const auto what = fmt::format("the input '{}'", info.name());
    const auto declared = onnx::declared(info, what);
    if (!seen.insert(info.name()).second) {
      throw ModelFileError(fmt::format("{} is declared twice", what));
    }
    // Before IR version 4 every initialiser is an input too; later it is a default, taken as fixed.
    if (const auto known = scope.names.find(info.name()); known != scope.names.end()) {
      const auto& value = scope.graph[known->second];
      if ((declared.type != ElementType::dynamic && declared.type != value.type) ||
          !declared.shape.contains(value.constant.shape())) {
        throw ModelFileError(fmt::format("{} is declared as {} {}; its initialiser is {} {}", what,
                                         coinfer::name_of(declared.type),
                                         declared.shape.to_string(), coinfer::name_of(value.type),
                                         value.shape.to_string()));
      }
      continue;
    }
    if (typed && declared.type == ElementType::dynamic) {
      throw ModelFileError(fmt::format("{} has no element type", what));
    }
    Value value{scope.prefix + info.name(), declared.type, declared.shape, {}};
    scope.graph.inputs.push_back(
        add_name(info.name(), std::move(value), scope.graph, scope.names, "an input"));
  }
}

void Builder::add_outputs(const GraphView& view, Scope& scope) {
  if (view.head.output_size() == 0) {
    throw ModelFileError(fmt::format("the graph '{}' has no outputs", view.head.name()));
  }
  std::set<std::string_view> seen;
  for (const auto& info : view.head.output()) {
    const auto id = find(info.name(), scope);
    if (!id || !*id) {
      throw ModelFileError(fmt::format(
          "the output '{}' is made by no node, and is no input or initialiser", info.name()));
    }
    if (!seen.insert(info.name()).second) {
      throw ModelFileError(fmt::format("the output '{}' is declared twice", info.name()));
    }
    scope.graph.outputs.push_back(*id);
  }
}

void Builder::declare_results(const std::vector<NodeView>& nodes, Scope& scope) {
  for (const auto& view : nodes) {
    for (const auto& name : view.head.output()) {
      if (name.empty()) {
        continue;
      }
      if (const auto target = scope.targets.find(name); target != scope.targets.end()) {
        if (!scope.names.emplace(name, target->second).second) {
          throw ModelFileError(fmt::format("{}: its output '{}' has the name of an earlier value",
                                           title(view, scope), name));
        }
        continue;
      }
      Value value;
      value.name = scope.prefix + name;
      const auto id = ValueId{static_cast<std::uint32_t>(scope.graph.values.size())};
      if (!scope.names.emplace(name, id).second) {
        throw ModelFileError(fmt::format("{}: its output '{}' has the name of an earlier value",
                                         title(view, scope), name));
      }
      scope.graph.add(std::move(value));
    }
    if (is_constant(view)) {
      const auto what = title(view, scope);
      if (view.head.output_size() != 1 || view.head.output(0).empty()) {
        throw ModelFileError(
            fmt::format("{} has {} outputs instead of one", what, view.head.output_size()));
      }
      auto& value = scope.graph[scope.names.at(view.head.output(0))];
      value.constant = read_constant(view, scope.bindings, what, tensors_);
      value.type = value.constant.type();
      value.shape = PartialShape{value.constant.shape()};
    }
  }
}

void Builder::add_nodes(const std::vector<NodeView>& nodes, Scope& scope) {
  for (const auto& view : nodes) {
    if (is_constant(view)) {
      continue;
    }
    if (const auto* function = functions_.find(view.head); function != nullptr) {
      inline_function(view, *function, scope);
    } else {
      add_node(view, scope);
    }
  }
}

void Builder::add_node(const NodeView& view, Scope& scope) {
  Node node;
  node.name = scope.prefix + std::string{name_of(view)};
  node.type = view.head.op_type();
  node.domain = normal_domain(view.head.domain());
  node.opset = scope.opsets.version(node.domain);
  if (node.opset == 0) {
    throw ModelFileError(fmt::format("{}: the model declares no version of its domain '{}'",
                                     describe(node),
                                     node.domain.empty() ? "ai.onnx" : node.domain));
  }
  for (const auto& name : view.head.input()) {
    if (name.empty()) {
      node.inputs.push_back(no_value);
      continue;
    }
    const auto id = find(name, scope);
    if (!id) {
      throw ModelFileError(
          fmt::format("{}: its input '{}' is made by no node, and is no input or initialiser",
                      describe(node), name));
    }
    node.inputs.push_back(*id);
  }
  for (const auto& name : view.head.output()) {
    node.outputs.push_back(name.empty() ? no_value : scope.names.at(name));
  }
  add_attributes(view, node, scope);
  node.op = ops::Registry::instance().find(node.domain, node.type, node.opset);
  if (node.op == nullptr) {
    if (unknown_kinds_.insert(fmt::format("{}.{}", node.domain, node.type)).second) {
      unknown_.push_back(fmt::format("'{}' (domain '{}', opset {}) of the node '{}'", node.type,
                                     node.domain.empty() ? "ai.onnx" : node.domain, node.opset,
                                     node.name));
    }
    return;
  }
  scope.graph.nodes.push_back(std::move(node));
}

void Builder::add_attributes(const NodeView& view, Node& node, Scope& scope) {
  std::vector<std::pair<std::string, const GraphView*>> bodies;
  for (const auto& attribute : view.attributes) {
    const auto& name = attribute.head.name();
    if (name.empty()) {
      throw ModelFileError(fmt::format("{} has an attribute without a name", describe(node)));
    }
    const auto* value = resolve(attribute, scope.bindings, describe(node));
    if (value == nullptr) {
      continue;
    }
    if (node.attributes.has(name) ||
        std::any_of(bodies.begin(), bodies.end(), [&](auto& body) { return body.first == name; })) {
      throw ModelFileError(fmt::format("{} has two attributes '{}'", describe(node), name));
    }
    if (value->has_lists) {
      throw Unsupported(fmt::format(
          "{}: its attribute '{}' is a list of tensors or graphs, which is not supported",
          describe(node), name));
    }
    if (value->graph) {
      bodies.emplace_back(name, value->graph.get());
      continue;
    }
    node.attributes.set(name, read_attribute(*value, name, describe(node), tensors_));
  }
  if (!bodies.empty()) {
    add_bodies(std::move(bodies), node, scope);
  }
}

void Builder::add_bodies(std::vector<std::pair<std::string, const GraphView*>> bodies, Node& node,
                         Scope& scope) {
  std::vector<std::shared_ptr<Graph>> graphs;
  std::vector<std::vector<std::pair<ValueId, ValueId>>> captures;
  std::vector<ValueId> captured;  // by any of the bodies, in order of first use
  for (const auto& [name, view] : bodies) {
    auto body = std::make_shared<Graph>();
    body->name = view->head.name();
    Scope inner{.graph = *body,
                .outer = &scope,
                .opsets = scope.opsets,
                .bindings = scope.bindings,
                .prefix = scope.prefix};
    try {
      add_initializers(*view, inner);
      add_inputs(*view, inner, false);
      declare_results(view->nodes, inner);
      add_nodes(view->nodes, inner);
      add_outputs(*view, inner);
      graph::sort_topologically(*body);
    } catch (const Unsupported& error) {
      throw Unsupported(fmt::format("{}, in '{}' of {}", error.what(), name, describe(node)));
    } catch (const Error& error) {
      throw ModelFileError(fmt::format("{}, in '{}' of {}", error.what(), name, describe(node)));
    }
    for (const auto& [outer, copy] : inner.captures) {
      if (std::find(captured.begin(), captured.end(), outer) == captured.end()) {
        captured.push_back(outer);
      }
    }
    captures.push_back(std::move(inner.captures));
    graphs.push_back(std::move(body));
  }
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    auto& body = *graphs[i];
    body.captures = captured.size();
    for (const auto outer : captured) {
      const auto own = std::find_if(captures[i].begin(), captures[i].end(),
                                    [&](const auto& pair) { return pair.first == outer; });
      if (own != captures[i].end()) {
        body.inputs.push_back(own->second);
      } else {
        Value unread = scope.graph[outer];
        body.inputs.push_back(body.add(std::move(unread)));
      }
    }
    node.attributes.set(bodies[i].first, graphs[i]);
  }
  if (node.type == "Loop" && node.domain.empty() && node.inputs.size() < 2) {
    node.inputs.resize(2, no_value);  // both may be left out, but captures come after them
  }
  node.inputs.insert(node.inputs.end(), captured.begin(), captured.end());
}

void Builder::note_promises(const GraphView& view, const Scope& scope) {
  const auto note = [&](const pb::ValueInfoProto& info, std::string_view what) {
    const auto known = scope.names.find(info.name());
    if (known != scope.names.end()) {
      promises_.push_back(
          {known->second, declared(info, fmt::format("{} '{}'", what, info.name()))});
    }
  };
  for (const auto& info : view.head.output()) {
    note(info, "the output");
  }
  for (const auto& info : view.head.value_info()) {
    // Only dense tensors can be computed here; whatever makes something else fails on its own.
    if (info.type().has_tensor_type()) {
      note(info, "the value");
    }
  }
}

void Builder::fail_unknown() const {
  throw Unsupported(fmt::format("operator {}: not implemented", fmt::join(unknown_, ", ")));
}

std::string Builder::title(const NodeView& view, const Scope& scope) const {
  const auto domain = normal_domain(view.head.domain());
  return fmt::format("{}{}{} '{}{}'", domain, domain.empty() ? "" : ".", view.head.op_type(),
                     scope.prefix, name_of(view));
}

bool Builder::is_constant(const NodeView& view) const {
  return view.head.op_type() == "Constant" && normal_domain(view.head.domain()).empty() &&
         functions_.find(view.head) == nullptr;
}

std::string_view Builder::name_of(const NodeView& view) {
  if (!view.head.name().empty()) {
    return view.head.name();
  }
  const auto& outputs = view.head.output();
  const auto named = std::find_if(outputs.begin(), outputs.end(),
                                  [](const std::string& name) { return !name.empty(); });
  return named != outputs.end() ? std::string_view{*named} : std::string_view{};
}

std::optional<ValueId> Builder::find(std::string_view name, Scope& scope) {
  if (const auto own = scope.names.find(name); own != scope.names.end()) {
    return own->second;
  }
  if (scope.outer == nullptr) {
    return std::nullopt;
  }
  const auto outer = find(name, *scope.outer);
  if (!outer || !*outer) {
    return outer;
  }
  Value copy = scope.outer->graph[*outer];
  const bool constant = static_cast<bool>(copy.constant);
  const auto id = scope.graph.add(std::move(copy));
  scope.names.emplace(name, id);
  if (!constant) {
    scope.captures.emplace_back(*outer, id);
  }
  return id;
}

}  // namespace coinfer::frontends::onnx
