#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "frontends/onnx/opsets.hpp"
#include "frontends/onnx/wire.hpp"

namespace coinfer::frontends::onnx {

/// A function of the model: an operator whose body is given in the file.
struct Function {
  const FunctionView& view;
  std::string title;  ///< "domain.name", for errors
  Opsets opsets;
};

/// The model's functions, by domain, name and overload.
class Functions {
 public:
  /// `view` must outlive this. Throws ModelFileError for two functions of one identity.
  explicit Functions(const ModelView& view);

  /// Null when the operator is no function of the model.
  const Function* find(const pb::NodeProto& node) const;

 private:
  using Key = std::tuple<std::string_view, std::string_view, std::string_view>;
  std::map<Key, Function> functions_;
};

}  // namespace coinfer::frontends::onnx
