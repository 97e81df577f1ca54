#include "coinfer/error.hpp"
#include "frontends/onnx/builder.hpp"
#include "ops/op.hpp"

namespace coinfer::frontends::onnx {

using graph::no_value;
using graph::Node;
using graph::ValueId;

namespace {

// A small file can describe functions that call each other exponentially often.
constexpr std::size_t max_inlined_nodes = 1'000'000;
constexpr std::size_t max_call_depth = 32;

}  // namespace

void Builder::inline_function(const NodeView& view, const Function& function, Scope& scope) {
  const auto what = title(view, scope);
  const auto& head = function.view.head;
  if (std::find(calls_.begin(), calls_.end(), &function) != calls_.end()) {
    throw ModelFileError(fmt::format("{}: the function '{}' calls itself", what, function.title));
  }
  if (calls_.size() >= max_call_depth) {
    throw ModelFileError(
        fmt::format("{}: functions call each other more than {} deep", what, max_call_depth));
  }
  inlined_ += function.view.nodes.size() + 1;
  if (inlined_ > max_inlined_nodes) {
    throw ModelFileError(
        fmt::format("{}: its functions have more than {} nodes in all", what, max_inlined_nodes));
  }
  if (view.head.input_size() > head.input_size() || view.head.output_size() > head.output_size()) {
    throw ModelFileError(
        fmt::format("{} has {} inputs and {} outputs; the function '{}' takes {} and gives {}",
                    what, view.head.input_size(), view.head.output_size(), function.title,
                    head.input_size(), head.output_size()));
  }

  Bindings bindings;
  for (const auto& attribute : function.view.defaults) {
    bindings[attribute.head.name()] = &attribute;
  }
  for (const auto& attribute : view.attributes) {
    const auto* value = resolve(attribute, scope.bindings, what);
    if (value == nullptr) {
      continue;
    }
    if (value->graph) {
      throw Unsupported(
          fmt::format("{}: a graph as the attribute '{}' of a function is not supported", what,
                      attribute.head.name()));
    }
    bindings[attribute.head.name()] = value;
  }

  Scope inner{.graph = scope.graph,
              .outer = nullptr,
              .opsets = function.opsets,
              .bindings = &bindings,
              .prefix = fmt::format("{}{}/", scope.prefix, name_of(view))};
  for (int i = 0; i < head.input_size(); ++i) {
    auto id = no_value;
    if (i < view.head.input_size() && !view.head.input(i).empty()) {
      const auto found = find(view.head.input(i), scope);
      if (!found) {
        throw ModelFileError(
            fmt::format("{}: its input '{}' is made by no node, and is no input or initialiser",
                        what, view.head.input(i)));
      }
      id = *found;
    }
    if (!inner.names.emplace(head.input(i), id).second) {
      throw ModelFileError(
          fmt::format("the function '{}' has two inputs '{}'", function.title, head.input(i)));
    }
  }
  std::vector<std::pair<std::string_view, ValueId>> passed_through;
  for (int i = 0; i < view.head.output_size(); ++i) {
    if (view.head.output(i).empty()) {
      continue;
    }
    const auto id = scope.names.at(view.head.output(i));
    // A result that is one of the function's inputs, or given twice, is copied.
    if (inner.names.contains(head.output(i)) || !inner.targets.emplace(head.output(i), id).second) {
      passed_through.emplace_back(head.output(i), id);
    }
  }
  calls_.push_back(&function);
  declare_results(function.view.nodes, inner);
  add_nodes(function.view.nodes, inner);
  calls_.pop_back();

  for (const auto& [name, target] : inner.targets) {
    if (!inner.names.contains(name)) {
      throw ModelFileError(
          fmt::format("{}: the function '{}' has no node that makes its output '{}'", what,
                      function.title, name));
    }
  }
  for (const auto& [name, target] : passed_through) {
    const auto source = inner.names.at(name);
    if (!source) {
      throw ModelFileError(
          fmt::format("{}: the function '{}' returns its input '{}', which is left "
                      "out",
                      what, function.title, name));
    }
    Node copy;
    copy.name = inner.prefix + std::string{name};
    copy.type = "Identity";
    copy.opset = newest_opset;
    copy.inputs = {source};
    copy.outputs = {target};
    copy.op = ops::Registry::instance().find("", copy.type, copy.opset);
    scope.graph.nodes.push_back(std::move(copy));
  }
}

}  // namespace coinfer::frontends::onnx
