#include "frontends/onnx/attributes.hpp"

#include "coinfer/error.hpp"

namespace coinfer::frontends::onnx {
namespace {

using Kind = pb::AttributeProto;

/// Files of old IR versions leave the kind out: the field that is set tells it.
pb::AttributeProto::AttributeType kind_of(const AttributeView& view) {
  const auto& head = view.head;
  if (head.type() != Kind::UNDEFINED) {
    return head.type();
  }
  if (view.tensor) {
    return Kind::TENSOR;
  }
  if (view.graph) {
    return Kind::GRAPH;
  }
  return head.has_f()              ? Kind::FLOAT
         : head.has_i()            ? Kind::INT
         : head.has_s()            ? Kind::STRING
         : head.floats_size() > 0  ? Kind::FLOATS
         : head.ints_size() > 0    ? Kind::INTS
         : head.strings_size() > 0 ? Kind::STRINGS
                                   : Kind::UNDEFINED;
}

}  // namespace

const AttributeView* resolve(const AttributeView& view, const Bindings* bindings,
                             std::string_view node) {
  if (view.head.ref_attr_name().empty()) {
    return &view;
  }
  if (bindings == nullptr) {
    throw ModelFileError(
        fmt::format("{}: its attribute '{}' refers to the attribute '{}' of a function, outside of "
                    "one",
                    node, view.head.name(), view.head.ref_attr_name()));
  }
  const auto bound = bindings->find(view.head.ref_attr_name());
  return bound != bindings->end() ? bound->second : nullptr;
}

graph::Attribute read_attribute(const AttributeView& view, std::string_view name,
                                std::string_view node, TensorReader& tensors) {
  const auto& head = view.head;
  const auto kind = kind_of(view);
  switch (kind) {
    case Kind::INT:
      return head.i();
    case Kind::FLOAT:
      return head.f();
    case Kind::STRING:
      return head.s();
    case Kind::INTS:
      return std::vector<std::int64_t>(head.ints().begin(), head.ints().end());
    case Kind::FLOATS:
      return std::vector<float>(head.floats().begin(), head.floats().end());
    case Kind::STRINGS:
      return std::vector<std::string>(head.strings().begin(), head.strings().end());
    case Kind::TENSOR:
      if (view.tensor) {
        return tensors.read(*view.tensor,
                            fmt::format("the tensor attribute '{}' of {}", name, node));
      }
      break;
    case Kind::UNDEFINED:
    case Kind::GRAPH:
      break;
    default:
      throw Unsupported(
          fmt::format("{}: its attribute '{}' is of the kind {}, which is not supported", node,
                      name, Kind::AttributeType_Name(kind)));
  }
  throw ModelFileError(fmt::format("{}: its attribute '{}' has no value", node, name));
}

Tensor read_constant(const NodeView& node, const Bindings* bindings, std::string_view title,
                     TensorReader& tensors) {
  if (node.attributes.size() != 1) {
    throw ModelFileError(
        fmt::format("{} has {} attributes instead of one value", title, node.attributes.size()));
  }
  const auto& name = node.attributes.front().head.name();
  const auto* view = resolve(node.attributes.front(), bindings, title);
  if (view == nullptr) {
    throw ModelFileError(fmt::format("{}: the attribute '{}' has no value", title, name));
  }
  const auto value = read_attribute(*view, name, title, tensors);
  if (name == "value" && std::holds_alternative<Tensor>(value)) {
    return std::get<Tensor>(value);
  }
  if (name == "value_int" && std::holds_alternative<std::int64_t>(value)) {
    return Tensor::scalar(std::get<std::int64_t>(value));
  }
  if (name == "value_float" && std::holds_alternative<float>(value)) {
    return Tensor::scalar(std::get<float>(value));
  }
  if (name == "value_ints" && std::holds_alternative<std::vector<std::int64_t>>(value)) {
    return Tensor::vector(std::span{std::get<std::vector<std::int64_t>>(value)});
  }
  if (name == "value_floats" && std::holds_alternative<std::vector<float>>(value)) {
    return Tensor::vector(std::span{std::get<std::vector<float>>(value)});
  }
  if (name == "value_string" && std::holds_alternative<std::string>(value)) {
    Tensor tensor{ElementType::string, Shape{}};
    *tensor.strings() = std::get<std::string>(value);
    return tensor;
  }
  if (name == "value_strings" && std::holds_alternative<std::vector<std::string>>(value)) {
    const auto& strings = std::get<std::vector<std::string>>(value);
    Tensor tensor{ElementType::string, Shape{static_cast<std::int64_t>(strings.size())}};
    std::copy(strings.begin(), strings.end(), tensor.strings());
    return tensor;
  }
  throw ModelFileError(fmt::format("{}: the attribute '{}' gives no value", title, name));
}

}  // namespace coinfer::frontends::onnx
