#pragma once

#include <string_view>

#include "coinfer/element_type.hpp"
#include "coinfer/shape.hpp"
#include "onnx-ml.pb.h"

namespace coinfer::frontends::onnx {

/// The element type of a TensorProto.DataType. Throws Unsupported that names the type (int4,
/// float8, complex…), ModelFileError for a number that is none; `what` says whose type it is.
ElementType element_type_of(int data_type, std::string_view what);

/// What a ValueInfoProto declares; parts that it leaves open are dynamic.
struct Declared {
  ElementType type = ElementType::dynamic;
  PartialShape shape = PartialShape::dynamic();
};

/// Throws Unsupported for sequences, maps, optionals and sparse tensors, ModelFileError for bad
/// dims.
Declared declared(const ::onnx::ValueInfoProto& info, std::string_view what);

}  // namespace coinfer::frontends::onnx
