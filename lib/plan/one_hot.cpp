#include "plan/one_hot.hpp"

#include "ops/op.hpp"
#include "passes/node.hpp"
#include "passes/passes.hpp"

namespace coinfer::plan {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

/// Tables beyond this are not worth their memory: every plan has its own.
constexpr std::int64_t max_table = std::int64_t{1} << 18;

class LookUps {
 public:
  explicit LookUps(Graph& graph) : graph_{graph}, uses_{graph} {}

  void run() {
    const auto count = graph_.nodes.size();
    bool found = false;
    for (std::size_t i = 0; i < count; ++i) {
      found = try_product(i) || found;
    }
    if (found) {
      passes::remove_dead(graph_);
    }
  }

 private:
  Shape dims(ValueId id) const { return graph_[id].shape.to_shape(); }

  const Node* maker(ValueId id, std::string_view type) const {
    const auto i = id ? uses_.producer(id) : -1;
    if (i < 0) {
      return nullptr;
    }
    const auto& node = graph_.nodes[static_cast<std::size_t>(i)];
    return node.type == type && node.domain.empty() ? &node : nullptr;
  }

  /// 0, 1, 2, … along the last dimension, the only one.
  bool is_count(ValueId id, std::int64_t& length) const {
    if (!graph_.is_constant(id)) {
      return false;
    }
    const auto& tensor = graph_[id].constant;
    length = tensor.size();
    if (tensor.shape().empty() || tensor.shape().back() != length || !tensor.is_continuous()) {
      return false;
    }
    const auto counts = [&]<class T>(const T* values) {
      for (std::int64_t i = 0; i < length; ++i) {
        if (static_cast<std::int64_t>(values[i]) != i) {
          return false;
        }
      }
      return true;
    };
    return tensor.type() == ElementType::i32   ? counts(tensor.data<std::int32_t>())
           : tensor.type() == ElementType::i64 ? counts(tensor.data<std::int64_t>())
                                               : false;
  }

  /// The integers [..., 1] that `id` encodes in `length` columns of 0 and 1; no_value else.
  ValueId encoded(ValueId id, std::int64_t length) const {
    const auto* cast = maker(id, "Cast");
    const auto* equal = cast == nullptr ? nullptr : maker(cast->inputs[0], "Equal");
    if (equal == nullptr || graph_[id].type != ElementType::f32) {
      return graph::no_value;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      std::int64_t counted = 0;
      const auto x = equal->inputs[1 - i];
      auto expected = dims(x);
      if (!is_count(equal->inputs[i], counted) || counted != length || expected.empty() ||
          expected.back() != 1) {
        continue;
      }
      expected.back() = length;
      if (dims(id) == expected) {
        return x;
      }
    }
    return graph::no_value;
  }

  /// The rows of the matrix and one of zeros, for integers that no column stands for.
  Tensor table_of(const Tensor& matrix) const {
    Tensor table{ElementType::f32, Shape{matrix.shape()[0] + 1, matrix.shape()[1]}};
    auto* end = std::copy_n(matrix.data<float>(), matrix.size(), table.data<float>());
    std::fill_n(end, matrix.shape()[1], 0.0F);
    return table;
  }

  /// Whether `node` does the same to each row: with constants that are alike for all rows.
  bool works_by_row(const Node& node, ValueId from, std::int64_t columns) const {
    static constexpr std::string_view unary[] = {"Gelu", "Relu",  "Tanh",     "Sigmoid", "Neg",
                                                 "Exp",  "Swish", "Abs",      "Erf",     "Elu",
                                                 "Sqrt", "Clip",  "HardSwish"};
    static constexpr std::string_view binary[] = {"Add", "Sub", "Mul", "Div"};
    if (node.outputs.size() != 1 || !node.post_ops.empty() || node.op == nullptr ||
        node.op->kernel == nullptr || dims(node.outputs[0]) != dims(from)) {
      return false;
    }
    if (std::find(std::begin(unary), std::end(unary), node.type) != std::end(unary)) {
      return node.inputs[0] == from &&
             std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                         [&](ValueId id) { return !id || graph_.is_constant(id); });
    }
    if (node.inputs.size() != 2 ||
        std::find(std::begin(binary), std::end(binary), node.type) == std::end(binary)) {
      return false;
    }
    const auto other = node.inputs[node.inputs[0] == from ? 1 : 0];
    if (!graph_.is_constant(other)) {
      return false;
    }
    const auto shape = graph_[other].constant.shape();
    const auto count = shape.elements();
    return count == 1 || (count == columns && shape.back() == columns);
  }

  /// The table after `node`; null when it cannot be computed.
  Tensor apply(const Node& node, ValueId from, const Tensor& table) const {
    Graph one;
    auto copy = node;
    for (auto& id : copy.inputs) {
      if (!id) {
        continue;
      }
      auto tensor = id == from ? table : graph_[id].constant;
      if (id != from && tensor.shape().rank() > 2) {
        // The leading dimensions of such a constant are 1.
        const auto flat = Shape{tensor.size()};
        const auto offset = static_cast<std::byte*>(tensor.data()) - tensor.memory()->data();
        tensor = Tensor{tensor.type(), flat, tensor.memory(), static_cast<std::size_t>(offset)};
      }
      id = one.add_constant(tensor);
    }
    copy.outputs = {one.add({node.name})};
    passes::infer_node(one, copy);
    if (!passes::fold_node(one, copy, static_cast<std::size_t>(max_table) * sizeof(float))) {
      return {};
    }
    return one[copy.outputs[0]].constant;
  }

  bool try_product(std::size_t at) {
    const auto& product = graph_.nodes[at];
    if (product.type != "MatMul" || !product.domain.empty() || !product.post_ops.empty() ||
        !graph_.is_constant(product.inputs[1])) {
      return false;
    }
    const auto& matrix = graph_[product.inputs[1]].constant;
    if (matrix.type() != ElementType::f32 || matrix.shape().rank() != 2 ||
        !matrix.is_continuous() || matrix.size() > max_table) {
      return false;
    }
    const auto indices = encoded(product.inputs[0], matrix.shape()[0]);
    if (!indices) {
      return false;
    }
    auto table = table_of(matrix);
    auto last = at;
    for (;;) {
      const auto result = graph_.nodes[last].outputs[0];
      if (!uses_.single_use(result)) {
        break;
      }
      const auto reader = uses_.readers(result)[0];
      if (!works_by_row(graph_.nodes[reader], result, matrix.shape()[1])) {
        break;
      }
      auto next = apply(graph_.nodes[reader], result, table);
      if (!next) {
        break;
      }
      table = std::move(next);
      last = reader;
    }
    auto& node = graph_.nodes[last];
    node.type = "LookUp";
    node.domain = "coinfer";
    node.opset = 1;
    node.op = ops::Registry::instance().find(node.domain, node.type, node.opset);
    node.attributes = {};
    node.inputs = {indices, graph_.add_constant(table)};
    return true;
  }

  Graph& graph_;
  graph::Uses uses_;
};

}  // namespace

void look_up_one_hot(Graph& graph) { LookUps{graph}.run(); }

}  // namespace coinfer::plan
