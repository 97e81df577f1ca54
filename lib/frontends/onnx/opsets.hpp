#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "onnx-ml.pb.h"

namespace coinfer::frontends::onnx {

/// Versions of ONNX's own operators that are read.
inline constexpr int oldest_opset = 7;
inline constexpr int newest_opset = 28;

/// "" for ONNX's own domain, which is also written "ai.onnx".
std::string_view normal_domain(std::string_view domain);

/// The operator set versions that a model or a function declares, by domain.
class Opsets {
 public:
  /// Throws ModelFileError for a version outside [oldest_opset, newest_opset], or declared twice
  /// with different versions. `what` is "the model" or names the function.
  Opsets(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>& imports,
         std::string_view what);

  /// 0 when the domain is not declared.
  int version(std::string_view domain) const;

 private:
  std::unordered_map<std::string, int> versions_;
};

}  // namespace coinfer::frontends::onnx
