#include "frontends/ir/body_state.hpp"

#include <cstring>

namespace coinfer::frontends::ir {
namespace {

using graph::Graph;

bool is_read_of(const graph::Node& node, std::string_view variable) {
  return node.type == "ReadValue" && node.domain == "coinfer" &&
         node.attributes.text("variable", "") == variable;
}

void replace(Graph& graph, ValueId old, ValueId by) {
  const auto swap = [&](ValueId& id) { id = id == old ? by : id; };
  for (auto& node : graph.nodes) {
    std::for_each(node.inputs.begin(), node.inputs.end(), swap);
  }
  std::for_each(graph.outputs.begin(), graph.outputs.end(), swap);
  for (auto& variable : graph.variables) {
    swap(variable.assigned);
  }
}

/// Takes the reads of a variable out of a body; returns the value that stood for them, no_value
/// when there were none. `initial` is what they start from.
ValueId take_reads(Writer& w, Graph& body, const std::string& variable,
                   std::vector<Tensor>& initial, int& plain_reads) {
  std::vector<ValueId> reads;
  for (const auto& node : body.nodes) {
    if (!is_read_of(node, variable)) {
      continue;
    }
    reads.push_back(node.outputs[0]);
    if (node.inputs.empty()) {
      ++plain_reads;
    } else if (const auto& value = body[node.inputs[0]].constant) {
      initial.push_back(value);
    } else {
      w.unsupported(fmt::format(
          "the initial value of the variable '{}' is computed in its body; only constants are "
          "supported",
          variable));
    }
  }
  std::erase_if(body.nodes, [&](const auto& node) { return is_read_of(node, variable); });
  for (std::size_t i = 1; i < reads.size(); ++i) {
    replace(body, reads[i], reads[0]);
  }
  return reads.empty() ? graph::no_value : reads[0];
}

bool same(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && a.shape() == b.shape() &&
         (a.data() == b.data() || std::memcmp(a.data(), b.data(), a.byte_size()) == 0);
}

/// The variable's value before the layer, read in the graph around it.
ValueId read_outside(Writer& w, const graph::Variable& variable, const std::vector<Tensor>& initial,
                     int plain_reads) {
  const bool differ = std::any_of(initial.begin(), initial.end(),
                                  [&](const auto& one) { return !same(one, initial[0]); });
  if (differ || (plain_reads > 0 && !initial.empty())) {
    w.unsupported(
        fmt::format("the variable '{}' has several initial values in its bodies", variable.name));
  }
  graph::Node node;
  node.domain = "coinfer";
  node.type = "ReadValue";
  node.opset = 1;
  if (!initial.empty()) {
    node.inputs.push_back(w.graph().add_constant(initial[0]));
  }
  node.attributes.set("variable", variable.name);
  node.attributes.set("type", static_cast<std::int64_t>(variable.type));
  node.attributes.set("shape", variable.shape.to_string());
  auto outer = variable;
  outer.assigned = graph::no_value;
  outer.assigned_by.clear();
  w.graph().variables.push_back(std::move(outer));
  return w.add(std::move(node), 1)[0];
}

}  // namespace

std::vector<BodyVariable> lift_variables(Writer& w, std::span<Graph* const> bodies) {
  std::vector<BodyVariable> lifted;
  for (auto* first : bodies) {
    while (!first->variables.empty()) {
      const auto variable = first->variables.front();
      if (find_variable(w.graph(), variable.name) != nullptr) {
        w.unsupported(
            fmt::format("the variable '{}' of its body is used outside of it, too", variable.name));
      }
      std::vector<Tensor> initial;
      int plain_reads = 0;
      for (auto* body : bodies) {
        const auto* mine = find_variable(*body, variable.name);
        if (mine != nullptr && (mine->type != variable.type || !(mine->shape == variable.shape))) {
          w.fail(fmt::format("its bodies declare the variable '{}' differently", variable.name));
        }
        auto input = take_reads(w, *body, variable.name, initial, plain_reads);
        if (!input) {
          input = body->add({{}, variable.type, variable.shape, {}});
        }
        mine = find_variable(*body, variable.name);
        const auto assigned = mine != nullptr && mine->assigned ? mine->assigned : input;
        body->inputs.push_back(input);
        body->outputs.push_back(assigned);
        std::erase_if(body->variables, [&](const auto& one) { return one.name == variable.name; });
      }
      lifted.push_back({variable.name, read_outside(w, variable, initial, plain_reads)});
    }
  }
  return lifted;
}

void assign_variables(Writer& w, std::span<const BodyVariable> variables,
                      std::span<const ValueId> values) {
  for (std::size_t i = 0; i < variables.size(); ++i) {
    find_variable(w.graph(), variables[i].name)->assigned = values[i];
  }
}

graph::Variable* find_variable(graph::Graph& graph, std::string_view name) {
  const auto found =
      std::find_if(graph.variables.begin(), graph.variables.end(),
                   [&](const graph::Variable& variable) { return variable.name == name; });
  return found == graph.variables.end() ? nullptr : &*found;
}

}  // namespace coinfer::frontends::ir
