#include "module/operator_names.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace coinfer::python {
namespace {

/// Those whose names differ, sorted by the graph's.
constexpr auto names = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"And", "LogicalAnd"},
    {"ArgMax", "TopK"},
    {"ArgMin", "TopK"},
    {"AveragePool", "AvgPool"},
    {"BatchNormalization", "BatchNormInference"},
    {"Cast", "Convert"},
    {"Ceil", "Ceiling"},
    {"Clip", "Clamp"},
    {"Conv", "Convolution"},
    {"ConvTranspose", "ConvolutionBackpropData"},
    {"Div", "Divide"},
    {"Expand", "Broadcast"},
    {"EyeLike", "Eye"},
    {"Flatten", "Reshape"},
    {"GRU", "GRUSequence"},
    {"Gemm", "MatMul"},
    {"GlobalAveragePool", "ReduceMean"},
    {"GlobalMaxPool", "ReduceMax"},
    {"GreaterOrEqual", "GreaterEqual"},
    {"HardSwish", "HSwish"},
    {"InstanceNormalization", "MVN"},
    {"LSTM", "LSTMSequence"},
    {"LayerNormalization", "MVN"},
    {"LeakyRelu", "PRelu"},
    {"LessOrEqual", "LessEqual"},
    {"Max", "Maximum"},
    {"MaxRoiPool", "ROIPooling"},
    {"MeanVarianceNormalization", "MVN"},
    {"Min", "Minimum"},
    {"Mul", "Multiply"},
    {"Neg", "Negative"},
    {"Not", "LogicalNot"},
    {"Or", "LogicalOr"},
    {"Pow", "Power"},
    {"RNN", "RNNSequence"},
    {"Resize", "Interpolate"},
    {"RoiAlign", "ROIAlign"},
    {"ScatterElements", "ScatterElementsUpdate"},
    {"ScatterND", "ScatterNDUpdate"},
    {"Shape", "ShapeOf"},
    {"Softplus", "SoftPlus"},
    {"Softsign", "SoftSign"},
    {"Sub", "Subtract"},
    {"Sum", "Add"},
    {"Upsample", "Interpolate"},
    {"Where", "Select"},
    {"Xor", "LogicalXor"},
});
static_assert(std::is_sorted(names.begin(), names.end()));

/// The name of an operator that is not known to be grouped.
std::string name_of_type(std::string_view type) {
  const auto found =
      std::lower_bound(names.begin(), names.end(), type,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  return std::string{found == names.end() || found->first != type ? type : found->second};
}

bool is_grouped(const Node& node) {
  for (const auto& [name, value] : node.attributes()) {
    if (name == "group") {
      const auto* groups = std::get_if<std::int64_t>(&value);
      return groups != nullptr && *groups > 1;
    }
  }
  return false;
}

}  // namespace

std::string operator_name(const Node& node) {
  const auto type = node.type_name();
  if (node.kind() != Node::Kind::operation) {
    return type;
  }
  const bool convolution = type == "Conv" || type == "ConvTranspose";
  return (convolution && is_grouped(node) ? "Group" : "") + name_of_type(type);
}

std::string operator_names(std::string_view types) {
  std::string all;
  for (;;) {
    const auto end = std::min(types.find('+'), types.size());
    all += name_of_type(types.substr(0, end));
    if (end == types.size()) {
      return all;
    }
    all += '+';
    types.remove_prefix(end + 1);
  }
}

}  // namespace coinfer::python
