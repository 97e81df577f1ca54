#include "frontends/onnx/functions.hpp"

#include "coinfer/error.hpp"

namespace coinfer::frontends::onnx {

Functions::Functions(const ModelView& model) {
  for (const auto& view : model.functions) {
    const auto domain = normal_domain(view.head.domain());
    auto title = domain.empty() ? view.head.name() : fmt::format("{}.{}", domain, view.head.name());
    auto opsets = Opsets{view.head.opset_import(), fmt::format("the function '{}'", title)};
    const Key key{domain, view.head.name(), view.head.overload()};
    const bool added = functions_.emplace(key, Function{view, title, std::move(opsets)}).second;
    if (!added) {
      throw ModelFileError(fmt::format("the function '{}' is defined twice", title));
    }
  }
}

const Function* Functions::find(const pb::NodeProto& node) const {
  if (functions_.empty()) {
    return nullptr;
  }
  const auto entry =
      functions_.find(Key{normal_domain(node.domain()), node.op_type(), node.overload()});
  return entry != functions_.end() ? &entry->second : nullptr;
}

}  // namespace coinfer::frontends::onnx
