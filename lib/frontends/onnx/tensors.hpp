#pragma once

#include <string_view>

#include "coinfer/tensor.hpp"
#include "frontends/onnx/external_data.hpp"
#include "frontends/onnx/wire.hpp"

namespace coinfer::frontends::onnx {

/// Makes Tensors of TensorProtos: over the file's memory where raw_data is aligned for its type,
/// else copied.
class TensorReader {
 public:
  TensorReader(MemoryRef file, ExternalData external)
      : file_{std::move(file)}, external_{std::move(external)} {}

  /// `what` names the tensor in errors. Throws ModelFileError when the data disagree with the
  /// dimensions, Unsupported for int4, float8, complex.
  Tensor read(const TensorView& view, std::string_view what);

 private:
  Tensor read_new(const TensorView& view, std::string_view what);
  Tensor read_external(const pb::TensorProto& head, ElementType type, Shape shape,
                       std::string_view what);

  MemoryRef file_;
  ExternalData external_;
};

}  // namespace coinfer::frontends::onnx
