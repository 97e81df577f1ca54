#include "frontends/ir/decompression.hpp"

#include "frontends/ir/values.hpp"

namespace coinfer::frontends::ir {
namespace {

constexpr std::array<std::string_view, 9> wide_types{"Convert",   "Subtract", "Multiply",
                                                     "Add",       "Divide",   "Reshape",
                                                     "Transpose", "Squeeze",  "Unsqueeze"};

bool is_half(ElementType type) { return type == ElementType::f16 || type == ElementType::bf16; }

}  // namespace

bool Decompression::is_wide(const Layer& layer, const std::vector<ValueId>& inputs) const {
  return !inputs.empty() &&
         std::find(wide_types.begin(), wide_types.end(), layer.type) != wide_types.end() &&
         std::all_of(inputs.begin(), inputs.end(),
                     [&](ValueId id) { return of_constants_.contains(id.index); });
}

std::vector<ValueId> Decompression::inputs_of(const std::vector<ValueId>& inputs, bool wide) {
  auto result = inputs;
  for (auto& id : result) {
    if (wide && is_half(graph_[id].type)) {
      id = cast(graph_, id, ElementType::f32);
    } else if (const auto found = narrow_.find(id.index); !wide && found != narrow_.end()) {
      id = cast(graph_, id, found->second);
    }
  }
  return result;
}

ElementType Decompression::half_of(ValueId id) const {
  const auto found = narrow_.find(id.index);
  const auto type = found != narrow_.end() ? found->second : graph_[id].type;
  return is_half(type) ? type : ElementType::dynamic;
}

void Decompression::add_results(const Layer& layer, const std::vector<ValueId>& inputs,
                                const std::vector<ValueId>& results) {
  auto said = half_of(inputs[0]);
  if (layer.type == "Convert") {
    const std::string_view to = layer.data.attribute("destination_type").value();
    said = to == "f16" ? ElementType::f16 : to == "bf16" ? ElementType::bf16 : ElementType::dynamic;
  }
  for (const auto id : results) {
    of_constants_.insert(id.index);
    if (said != ElementType::dynamic && graph_[id].type == ElementType::f32) {
      narrow_[id.index] = said;
    }
  }
}

}  // namespace coinfer::frontends::ir
