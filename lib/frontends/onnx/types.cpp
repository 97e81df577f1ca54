#include "frontends/onnx/types.hpp"

#include "coinfer/error.hpp"

namespace coinfer::frontends::onnx {

namespace pb = ::onnx;

ElementType element_type_of(int data_type, std::string_view what) {
  switch (data_type) {
    case pb::TensorProto::FLOAT:
      return ElementType::f32;
    case pb::TensorProto::DOUBLE:
      return ElementType::f64;
    case pb::TensorProto::FLOAT16:
      return ElementType::f16;
    case pb::TensorProto::BFLOAT16:
      return ElementType::bf16;
    case pb::TensorProto::BOOL:
      return ElementType::boolean;
    case pb::TensorProto::STRING:
      return ElementType::string;
    case pb::TensorProto::INT8:
      return ElementType::i8;
    case pb::TensorProto::INT16:
      return ElementType::i16;
    case pb::TensorProto::INT32:
      return ElementType::i32;
    case pb::TensorProto::INT64:
      return ElementType::i64;
    case pb::TensorProto::UINT8:
      return ElementType::u8;
    case pb::TensorProto::UINT16:
      return ElementType::u16;
    case pb::TensorProto::UINT32:
      return ElementType::u32;
    case pb::TensorProto::UINT64:
      return ElementType::u64;
    case pb::TensorProto::UNDEFINED:
      throw ModelFileError(fmt::format("{} has no element type", what));
    default:
      break;
  }
  if (!pb::TensorProto::DataType_IsValid(data_type)) {
    throw ModelFileError(
        fmt::format("{} has the element type number {}, which is none", what, data_type));
  }
  throw Unsupported(fmt::format(
      "{} has the element type {}, which is not supported", what,
      pb::TensorProto::DataType_Name(static_cast<pb::TensorProto::DataType>(data_type))));
}

Declared declared(const pb::ValueInfoProto& info, std::string_view what) {
  Declared result;
  if (!info.has_type() || info.type().value_case() == pb::TypeProto::VALUE_NOT_SET) {
    return result;
  }
  const auto& type = info.type();
  if (!type.has_tensor_type()) {
    const auto kind = type.has_sequence_type()        ? "a sequence"
                      : type.has_map_type()           ? "a map"
                      : type.has_optional_type()      ? "an optional"
                      : type.has_sparse_tensor_type() ? "a sparse tensor"
                                                      : "opaque";
    throw Unsupported(fmt::format("{} is {}; only dense tensors are supported", what, kind));
  }
  const auto& tensor = type.tensor_type();
  if (tensor.elem_type() != pb::TensorProto::UNDEFINED) {
    result.type = element_type_of(tensor.elem_type(), what);
  }
  if (!tensor.has_shape()) {
    return result;
  }
  PartialShape::Dimensions dims;
  dims.reserve(static_cast<std::size_t>(tensor.shape().dim_size()));
  for (const auto& dim : tensor.shape().dim()) {
    if (!dim.has_dim_value()) {
      dims.emplace_back();
      continue;
    }
    // Exporters write -1 for "unknown".
    if (dim.dim_value() < -1) {
      throw ModelFileError(fmt::format("{} has the negative dimension {}", what, dim.dim_value()));
    }
    dims.emplace_back(dim.dim_value());
  }
  result.shape = PartialShape{std::move(dims)};
  return result;
}

}  // namespace coinfer::frontends::onnx
