#include "frontends/ir/writer.hpp"

#include <charconv>

#include "ops/op.hpp"
#include "passes/node.hpp"

namespace coinfer::frontends::ir {
namespace {

template <class T>
bool parse_number(std::string_view text, T& value) {
  const auto start = text.find_first_not_of(" +");
  text.remove_prefix(start == std::string_view::npos ? text.size() : start);
  while (text.ends_with(' ')) {
    text.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

template <class T>
void append(const Tensor& tensor, std::vector<std::int64_t>& values) {
  values.assign(tensor.data<T>(), tensor.data<T>() + tensor.size());
}

/// Of a result that is computed while the graph is written: shapes, axes, lengths.
constexpr std::size_t max_known_bytes = 4096;

}  // namespace

std::int64_t onnx_type(ElementType type) {
  static constexpr std::array<std::int64_t, 15> numbers{0, 9, 16, 10, 1,  11, 3, 5,
                                                        6, 7, 2,  4,  12, 13, 8};
  return numbers[static_cast<std::size_t>(type)];
}

int Writer::opset() const {
  int number = 0;
  return layer_.opset.starts_with("opset") && parse_number(layer_.opset.substr(5), number) ? number
                                                                                           : 0;
}

ValueId Writer::in(std::size_t i) const {
  if (i >= inputs_.size()) {
    fail(fmt::format("it has {} inputs; input {} is missing", inputs_.size(), i));
  }
  return inputs_[i];
}

const PartialShape& Writer::shape(std::size_t i) const {
  in(i);
  return layer_.inputs.at(i).shape;
}

std::int64_t Writer::rank(std::size_t i) const {
  const auto& port = shape(i);
  const auto& value = graph_[inputs_[i]];
  if (value.constant) {
    return value.constant.shape().rank();
  }
  if (!port.has_rank()) {
    unsupported(fmt::format("the rank of its input {} is not known", i));
  }
  return port.rank();
}

std::optional<std::vector<std::int64_t>> Writer::known(std::size_t i) const {
  return is_shape_bound(in(i)) ? std::nullopt : values_of(in(i));
}

std::optional<std::vector<std::int64_t>> Writer::values_of(ValueId id) const {
  const auto& tensor = graph_[id].constant;
  if (!tensor) {
    return std::nullopt;
  }
  std::vector<std::int64_t> values;
  switch (tensor.type()) {
    case ElementType::i64:
      append<std::int64_t>(tensor, values);
      break;
    case ElementType::u64:
      append<std::uint64_t>(tensor, values);
      break;
    case ElementType::i32:
      append<std::int32_t>(tensor, values);
      break;
    case ElementType::u32:
      append<std::uint32_t>(tensor, values);
      break;
    case ElementType::i16:
      append<std::int16_t>(tensor, values);
      break;
    case ElementType::u16:
      append<std::uint16_t>(tensor, values);
      break;
    case ElementType::i8:
      append<std::int8_t>(tensor, values);
      break;
    case ElementType::u8:
      append<std::uint8_t>(tensor, values);
      break;
    default:
      return std::nullopt;
  }
  return values;
}

std::vector<std::int64_t> Writer::constant(std::size_t i, std::string_view what) {
  auto values = values_of(in(i));
  if (!values) {
    unsupported(fmt::format("its {} (input {}) is no constant of integers", what, i));
  }
  if (is_shape_bound(in(i))) {
    const auto& value = graph_[in(i)];
    if ((value.type != ElementType::i64 && value.type != ElementType::i32) ||
        value.constant.shape().size() > 1) {
      unsupported(fmt::format("its {} (input {}) follows from the shapes of the inputs", what, i));
    }
    relied_on_.push_back(in(i));
  }
  return *std::move(values);
}

std::int64_t Writer::axis(std::size_t i, std::int64_t rank) {
  const auto values = constant(i, "axis");
  if (values.size() != 1 || values[0] < -rank || values[0] >= rank) {
    fail(fmt::format("its axis {} does not lie in a tensor of rank {}", fmt::join(values, ","),
                     rank));
  }
  return values[0] < 0 ? values[0] + rank : values[0];
}

std::optional<float> Writer::known_real(ValueId id) const {
  const auto& tensor = graph_[id].constant;
  if (tensor && tensor.size() == 1 && tensor.type() == ElementType::f32) {
    return *tensor.data<float>();
  }
  return std::nullopt;
}

std::string Writer::text(const char* attribute, std::string_view otherwise) const {
  const auto found = layer_.data.attribute(attribute);
  return found.empty() ? std::string{otherwise} : std::string{found.value()};
}

std::int64_t Writer::integer(const char* attribute, std::int64_t otherwise) const {
  if (!has(attribute)) {
    return otherwise;
  }
  std::int64_t value = 0;
  if (!parse_number(text(attribute, ""), value)) {
    fail(fmt::format("{}='{}' is no integer", attribute, text(attribute, "")));
  }
  return value;
}

double Writer::real(const char* attribute, double otherwise) const {
  if (!has(attribute)) {
    return otherwise;
  }
  double value = 0;
  if (!parse_number(text(attribute, ""), value)) {
    fail(fmt::format("{}='{}' is no number", attribute, text(attribute, "")));
  }
  return value;
}

bool Writer::flag(const char* attribute, bool otherwise) const {
  const auto value = text(attribute, otherwise ? "true" : "false");
  if (value == "true" || value == "True" || value == "TRUE" || value == "1") {
    return true;
  }
  if (value == "false" || value == "False" || value == "FALSE" || value == "0") {
    return false;
  }
  fail(fmt::format("{}='{}' is neither true nor false", attribute, value));
}

std::vector<std::int64_t> Writer::integers(const char* attribute) const {
  return numbers<std::int64_t>(attribute, "integers");
}

std::vector<float> Writer::reals(const char* attribute) const {
  return numbers<float>(attribute, "numbers");
}

template <class T>
std::vector<T> Writer::numbers(const char* attribute, std::string_view what) const {
  std::vector<T> values;
  const auto whole = text(attribute, "");
  std::string_view rest = whole;
  while (rest.find_first_not_of(' ') != std::string_view::npos) {
    const auto comma = rest.find(',');
    T value = 0;
    if (!parse_number(rest.substr(0, comma), value)) {
      fail(fmt::format("{}='{}' is no list of {}", attribute, whole, what));
    }
    values.push_back(value);
    if (comma == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(comma + 1);
  }
  return values;
}

std::vector<ValueId> Writer::nodes(std::string_view type, std::vector<ValueId> inputs,
                                   std::size_t outputs, std::vector<Attribute> attributes,
                                   int opset) {
  return emit("", type, std::move(inputs), outputs, std::move(attributes), opset);
}

std::vector<ValueId> Writer::own(std::string_view type, std::vector<ValueId> inputs,
                                 std::size_t outputs, std::vector<Attribute> attributes) {
  return emit("coinfer", type, std::move(inputs), outputs, std::move(attributes), 1);
}

std::vector<ValueId> Writer::emit(std::string_view domain, std::string_view type,
                                  std::vector<ValueId> inputs, std::size_t outputs,
                                  std::vector<Attribute> attributes, int opset) {
  graph::Node node;
  node.domain = domain;
  node.type = type;
  node.opset = opset;
  node.inputs.assign(inputs.begin(), inputs.end());
  for (auto& [name, value] : attributes) {
    node.attributes.set(name, std::move(value));
  }
  return add(std::move(node), outputs);
}

std::vector<ValueId> Writer::add(graph::Node node, std::size_t outputs) {
  node.name = made_ == 0 ? layer_.name : fmt::format("{}/{}", layer_.name, made_);
  ++made_;
  node.op = ops::Registry::instance().find(node.domain, node.type, node.opset);
  if (node.op == nullptr) {
    unsupported(fmt::format("it needs the operator {}, which is not implemented", node.type));
  }
  std::vector<ValueId> results;
  for (std::size_t i = 0; i < outputs; ++i) {
    graph::Value value;
    value.name = fmt::format("{}:{}", node.name, i);
    value.own_name = true;
    results.push_back(graph_.add(std::move(value)));
  }
  node.outputs.assign(results.begin(), results.end());
  // Inferred at once: conversions choose by the element types of what they read.
  passes::infer_node(graph_, node);
  passes::fold_node(graph_, node, max_known_bytes);
  const bool fixed = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return !id || (graph_.is_constant(id) && !is_shape_bound(id));
  });
  for (const auto id : results) {
    if (!fixed && graph_.is_constant(id)) {
      shape_bound_.insert(id.index);
    }
  }
  graph_.nodes.push_back(std::move(node));
  return results;
}

ValueId Writer::node(std::string_view type, std::vector<ValueId> inputs,
                     std::vector<Attribute> attributes, int opset) {
  return nodes(type, std::move(inputs), 1, std::move(attributes), opset)[0];
}

ValueId Writer::i64(std::size_t i) {
  if (type(in(i)) == ElementType::i64) {
    return in(i);
  }
  if (const auto values = known(i)) {
    Tensor tensor{ElementType::i64, graph_[in(i)].constant.shape()};
    std::copy(values->begin(), values->end(), tensor.data<std::int64_t>());
    return graph_.add_constant(std::move(tensor));
  }
  return cast(in(i), ElementType::i64);
}

ElementType Writer::index_type(const char* attribute, std::string_view otherwise) const {
  const auto name = text(attribute, otherwise);
  if (name != "i32" && name != "i64") {
    fail(fmt::format("{}='{}' is neither i32 nor i64", attribute, name));
  }
  return name == "i32" ? ElementType::i32 : ElementType::i64;
}

ValueId Writer::as_index(ValueId value, ElementType type) {
  return type == ElementType::i64 ? value : cast(value, type);
}

ValueId Writer::extents(ValueId value, std::int64_t begin, std::int64_t end) {
  return node("Shape", {value}, {{"start", begin}, {"end", end}});
}

ValueId Writer::join(std::vector<ValueId> values, std::int64_t axis) {
  return node("Concat", std::move(values), {{"axis", axis}});
}

ValueId Writer::ints(std::vector<std::int64_t> values) {
  return graph_.add_constant(Tensor::vector<std::int64_t>(values));
}

ValueId Writer::integer_scalar(std::int64_t value) {
  return graph_.add_constant(Tensor::scalar(value));
}

ValueId Writer::scalar(double value, ValueId like) {
  switch (type(like)) {
    case ElementType::f32:
      return graph_.add_constant(Tensor::scalar(static_cast<float>(value)));
    case ElementType::f64:
      return graph_.add_constant(Tensor::scalar(value));
    case ElementType::i64:
      return graph_.add_constant(Tensor::scalar(static_cast<std::int64_t>(value)));
    case ElementType::i32:
      return graph_.add_constant(Tensor::scalar(static_cast<std::int32_t>(value)));
    default:
      return node("CastLike", {graph_.add_constant(Tensor::scalar(value)), like});
  }
}

ValueId Writer::cast(ValueId value, ElementType to) {
  if (to == ElementType::dynamic) {
    fail("the element type of its result is not known");
  }
  return node("Cast", {value}, {{"to", onnx_type(to)}});
}

ValueId Writer::unsqueeze(ValueId value, std::vector<std::int64_t> axes) {
  return axes.empty() ? value : node("Unsqueeze", {value, ints(std::move(axes))});
}

ValueId Writer::squeeze(ValueId value, std::vector<std::int64_t> axes) {
  return axes.empty() ? value : node("Squeeze", {value, ints(std::move(axes))});
}

ValueId Writer::transpose(ValueId value, std::vector<std::int64_t> order) {
  return node("Transpose", {value}, {{"perm", std::move(order)}});
}

std::vector<ValueId> Writer::guarded(std::vector<ValueId> results) {
  for (const auto id : relied_on_) {
    const auto expected = *values_of(id);
    for (auto& result : results) {
      result = own("Assume", {result, id}, 1, {{"expected", expected}})[0];
    }
  }
  return results;
}

void Writer::fail(std::string_view text) const {
  throw ModelFileError(fmt::format("{}: {}", layer_.title(), text));
}

void Writer::unsupported(std::string_view text) const {
  throw Unsupported(fmt::format("{}: {}", layer_.title(), text));
}

std::span<const std::span<const NamedConversion>> all_conversions() {
  static const std::array tables{elementwise_conversions(), movement_conversions(),
                                 network_conversions(),     rearranging_conversions(),
                                 image_conversions(),       detection_conversions(),
                                 lookup_conversions(),      signal_conversions(),
                                 recurrent_conversions(),   state_conversions()};
  return tables;
}

Conversion find_conversion(std::string_view type) {
  for (const auto table : all_conversions()) {
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const auto& entry) { return entry.type == type; });
    if (found != table.end()) {
      return found->convert;
    }
  }
  return nullptr;
}

}  // namespace coinfer::frontends::ir
