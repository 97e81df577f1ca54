#include "frontends/onnx/opsets.hpp"

#include <limits>

#include "coinfer/error.hpp"

namespace coinfer::frontends::onnx {

std::string_view normal_domain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view{} : domain;
}

Opsets::Opsets(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>& imports,
               std::string_view what) {
  for (const auto& import : imports) {
    const auto domain = normal_domain(import.domain());
    const auto version = import.version();
    if (domain.empty() && (version < oldest_opset || version > newest_opset)) {
      throw ModelFileError(fmt::format("{} needs ONNX opset {}; coinfer reads opsets {} to {}",
                                       what, version, oldest_opset, newest_opset));
    }
    if (version < 1 || version > std::numeric_limits<int>::max()) {
      throw ModelFileError(
          fmt::format("{} declares version {} of the domain '{}'", what, version, domain));
    }
    const auto [entry, added] = versions_.emplace(domain, static_cast<int>(version));
    if (!added && entry->second != version) {
      throw ModelFileError(fmt::format("{} declares versions {} and {} of the domain '{}'", what,
                                       entry->second, version, domain));
    }
  }
}

int Opsets::version(std::string_view domain) const {
  const auto entry = versions_.find(std::string{domain});
  return entry != versions_.end() ? entry->second : 0;
}

}  // namespace coinfer::frontends::onnx
