#include "frontends/ir/body_state.hpp"
#include "frontends/ir/types.hpp"
#include "frontends/ir/writer.hpp"

/// ReadValue and Assign: the variables that a request keeps between inferences.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;

std::string variable_id(Writer& w) {
  const auto id = w.text("variable_id", "");
  if (id.empty()) {
    w.fail("it has no variable_id");
  }
  return id;
}

PartialShape declared_shape(Writer& w) {
  try {
    return PartialShape::parse(w.text("variable_shape", ""));
  } catch (const Error& error) {
    w.fail(fmt::format("variable_shape: {}", error.what()));
  }
}

/// The variable is declared here (opset6), or is as its initial value (opset3).
Values read_value(Writer& w) {
  graph::Variable variable;
  variable.name = variable_id(w);
  if (w.opset() >= 6) {
    variable.type = element_type_of(w.text("variable_type", ""), w.layer().title());
    variable.shape = declared_shape(w);
  } else {
    const auto& initial = w.graph()[w.in(0)];
    variable.type = initial.type;
    variable.shape = initial.shape;
  }
  if (variable.type == ElementType::dynamic) {
    w.unsupported("the element type of its variable is not known");
  }
  if (w.inputs() > 0) {
    const auto& initial = w.graph()[w.in(0)];
    if (initial.type != ElementType::dynamic && initial.type != variable.type) {
      w.fail(fmt::format("its variable is of type {}; its initial value is of type {}",
                         name_of(variable.type), name_of(initial.type)));
    }
  }
  graph::Node node;
  node.domain = "coinfer";
  node.type = "ReadValue";
  node.opset = 1;
  if (w.inputs() > 0) {
    node.inputs.push_back(w.in(0));
  }
  node.attributes.set("variable", variable.name);
  node.attributes.set("type", static_cast<std::int64_t>(variable.type));
  node.attributes.set("shape", variable.shape.to_string());
  const auto* known = find_variable(w.graph(), variable.name);
  if (known != nullptr && known->assigned) {
    w.unsupported(fmt::format("the variable '{}' is used in a body, too", variable.name));
  }
  if (known == nullptr) {
    w.graph().variables.push_back(std::move(variable));
  } else if (known->type != variable.type || !(known->shape == variable.shape)) {
    w.fail(fmt::format("the variable '{}' is {} {} here and {} {} elsewhere", variable.name,
                       name_of(variable.type), variable.shape.to_string(), name_of(known->type),
                       known->shape.to_string()));
  }
  return w.add(std::move(node), 1);
}

/// Comes after all reads: see `reader.cpp`.
Values assign(Writer& w) {
  const auto id = variable_id(w);
  auto* variable = find_variable(w.graph(), id);
  if (variable == nullptr) {
    w.fail(fmt::format("no ReadValue declares its variable '{}'", id));
  }
  if (variable->assigned) {
    w.fail(fmt::format("the variable '{}' is assigned twice", id));
  }
  const auto type = w.type(w.in(0));
  if (type != ElementType::dynamic && type != variable->type) {
    w.fail(fmt::format("the variable '{}' is of type {}; {} is assigned", id,
                       name_of(variable->type), name_of(type)));
  }
  variable->assigned = w.in(0);
  variable->assigned_by = w.layer().name;
  return {w.in(0)};
}

constexpr const char* in_bodies =
    "in a body: a constant for the initial value, and no use of the variable outside";

constexpr std::array table{
    NamedConversion{"ReadValue", read_value, in_bodies},
    NamedConversion{"Assign", assign, in_bodies},
};

}  // namespace

std::span<const NamedConversion> state_conversions() { return table; }

}  // namespace coinfer::frontends::ir
