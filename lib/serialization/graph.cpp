#include "serialization/graph.hpp"

#include "ops/op.hpp"

namespace coinfer::serialization {
namespace {

using graph::Attribute;
using graph::Graph;
using graph::Node;
using graph::Value;
using graph::ValueId;

constexpr int max_depth = 64;
constexpr std::uint32_t left_out = 0xffffffffU;

struct PutAttribute {
  TensorWriter& writer;
  void operator()(std::int64_t value) const { writer.meta.put(value); }
  void operator()(float value) const { writer.meta.put(value); }
  void operator()(const std::string& value) const { writer.meta.put(value); }
  void operator()(const Tensor& value) const { writer.put(value); }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    writer.meta.list(values);
  }
  void operator()(const std::shared_ptr<Graph>& value) const { put_graph(writer, *value); }
};

class GraphReader {
 public:
  GraphReader(TensorReader& reader, int depth)
      : reader_{reader}, meta_{reader.meta}, depth_{depth} {}

  Graph get() {
    if (depth_ > max_depth) {
      Reader::fail();
    }
    graph_.name = meta_.get<std::string>();
    for (auto count = meta_.length(); count > 0; --count) {
      graph_.values.push_back(value());
    }
    made_.resize(graph_.values.size());
    for (std::size_t i = 0; i < made_.size(); ++i) {
      made_[i] = static_cast<bool>(graph_.values[i].constant);
    }
    for (auto count = meta_.length(); count > 0; --count) {
      graph_.inputs.push_back(present());
      make(graph_.inputs.back());
    }
    for (auto count = meta_.length(); count > 0; --count) {
      graph_.nodes.push_back(node());
    }
    for (auto count = meta_.length(); count > 0; --count) {
      graph_.outputs.push_back(present());
      check_made(graph_.outputs.back());
    }
    graph_.captures = meta_.below<std::uint64_t>(graph_.inputs.size() + 1);
    for (auto count = meta_.length(); count > 0; --count) {
      graph::Variable variable;
      variable.name = meta_.get<std::string>();
      variable.type = get_type(meta_);
      variable.shape = get_partial_shape(meta_);
      variable.assigned = id();
      check_made(variable.assigned);
      graph_.variables.push_back(std::move(variable));
    }
    return std::move(graph_);
  }

 private:
  Value value() {
    Value value;
    value.name = meta_.get<std::string>();
    value.more_names = meta_.list<std::string>();
    value.own_name = meta_.get<bool>();
    value.layout = meta_.get<std::string>();
    value.type = get_type(meta_);
    value.shape = get_partial_shape(meta_);
    value.constant = reader_.get();
    if (value.constant &&
        (value.constant.type() != value.type || !value.shape.contains(value.constant.shape()))) {
      Reader::fail();
    }
    return value;
  }

  ValueId id() {
    const auto index = meta_.get<std::uint32_t>();
    if (index != left_out && index >= graph_.values.size()) {
      Reader::fail();
    }
    return ValueId{index};
  }
  ValueId present() {
    const auto read = id();
    if (!read) {
      Reader::fail();
    }
    return read;
  }
  void make(ValueId id) {
    if (id) {
      if (made_[id.index]) {
        Reader::fail();
      }
      made_[id.index] = true;
    }
  }
  void check_made(ValueId id) const {
    if (id && !made_[id.index]) {
      Reader::fail();
    }
  }

  Node node() {
    Node node;
    node.name = meta_.get<std::string>();
    node.type = meta_.get<std::string>();
    node.domain = meta_.get<std::string>();
    node.opset = meta_.get<std::int32_t>();
    node.op = ops::Registry::instance().find(node.domain, node.type, node.opset);
    if (node.op == nullptr) {
      throw ModelFileError(fmt::format("the exported model has an operator that is not known ({})",
                                       graph::describe(node)));
    }
    for (auto count = meta_.length(); count > 0; --count) {
      node.inputs.push_back(id());
      check_made(node.inputs.back());
    }
    for (auto count = meta_.length(); count > 0; --count) {
      node.outputs.push_back(id());
    }
    for (const auto output : node.outputs) {
      make(output);
    }
    for (auto count = meta_.length(); count > 0; --count) {
      auto name = meta_.get<std::string>();
      node.attributes.set(std::move(name), attribute());
    }
    return node;
  }

  Attribute attribute() {
    switch (meta_.below<std::uint8_t>(std::variant_size_v<Attribute>)) {
      case 0:
        return meta_.get<std::int64_t>();
      case 1:
        return meta_.get<float>();
      case 2:
        return meta_.get<std::string>();
      case 3:
        return reader_.get();
      case 4:
        return meta_.list<std::int64_t>();
      case 5:
        return meta_.list<float>();
      case 6:
        return meta_.list<std::string>();
      default:
        return std::make_shared<Graph>(GraphReader{reader_, depth_ + 1}.get());
    }
  }

  TensorReader& reader_;
  Reader& meta_;
  const int depth_;
  Graph graph_;
  std::vector<bool> made_;
};

}  // namespace

void put_graph(TensorWriter& writer, const Graph& graph) {
  auto& meta = writer.meta;
  const auto put_id = [&](ValueId id) { meta.put(id ? id.index : left_out); };
  meta.put(graph.name);
  meta.list(graph.values, [&](const Value& value) {
    meta.put(value.name);
    meta.list(value.more_names);
    meta.put(value.own_name);
    meta.put(value.layout);
    meta.put(value.type);
    put_shape(meta, value.shape);
    writer.put(value.constant);
  });
  meta.list(graph.inputs, put_id);
  meta.list(graph.nodes, [&](const Node& node) {
    if (!node.post_ops.empty()) {
      throw Error("a graph that a plan was made of cannot be written");
    }
    meta.put(node.name);
    meta.put(node.type);
    meta.put(node.domain);
    meta.put(std::int32_t{node.opset});
    meta.list(node.inputs, put_id);
    meta.list(node.outputs, put_id);
    meta.put<std::uint64_t>(
        static_cast<std::uint64_t>(std::distance(node.attributes.begin(), node.attributes.end())));
    for (const auto& [name, attribute] : node.attributes) {
      meta.put(name);
      meta.put(static_cast<std::uint8_t>(attribute.index()));
      std::visit(PutAttribute{writer}, attribute);
    }
  });
  meta.list(graph.outputs, put_id);
  meta.put<std::uint64_t>(graph.captures);
  meta.list(graph.variables, [&](const graph::Variable& variable) {
    meta.put(variable.name);
    meta.put(variable.type);
    put_shape(meta, variable.shape);
    put_id(variable.assigned);
  });
}

Graph get_graph(TensorReader& reader) { return GraphReader{reader, 0}.get(); }

}  // namespace coinfer::serialization
