#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

Tensor strings(std::span<const std::string> values, Shape shape) {
  Tensor tensor{ElementType::string, std::move(shape)};
  std::copy(values.begin(), values.end(), tensor.strings());
  return tensor;
}

void infer_constant(InferContext& ctx) {
  ctx.check_inputs(0, 0);
  const auto& attributes = ctx.attributes();
  if (const auto tensor = attributes.tensor("value")) {
    ctx.known(0, tensor);
  } else if (attributes.has("value_float")) {
    ctx.known(0, Tensor::scalar<float>(attributes.real("value_float", 0)));
  } else if (attributes.has("value_int")) {
    ctx.known(0, Tensor::scalar<std::int64_t>(attributes.integer("value_int", 0)));
  } else if (attributes.has("value_string")) {
    const auto text = attributes.text("value_string", "");
    ctx.known(0, strings(std::span{&text, 1}, Shape{}));
  } else if (const auto floats = attributes.reals("value_floats")) {
    ctx.known(0, Tensor::vector<float>(*floats));
  } else if (const auto integers = attributes.integers("value_ints")) {
    ctx.known(0, Tensor::vector<std::int64_t>(*integers));
  } else if (const auto* texts = attributes.find("value_strings")) {
    const auto* list = std::get_if<std::vector<std::string>>(texts);
    if (list == nullptr) {
      ctx.fail("the attribute 'value_strings' is not a list of strings");
    }
    ctx.known(0, strings(*list, Shape{static_cast<std::int64_t>(list->size())}));
  } else {
    ctx.fail(
        "none of the attributes value, value_float, value_int, value_string and their lists "
        "is there");
  }
}

/// The shape that the integers of an input name.
PartialShape shape_from(InferContext& ctx, std::size_t i) {
  const auto extents = ctx.integers(i);
  if (!extents) {
    const auto& shape = ctx.shape(i);
    if (const auto bounds = ctx.bounds(i); bounds && shape.rank() == 1) {
      PartialShape::Dimensions dims;
      for (const auto& extent : *bounds) {
        dims.push_back(extent_of(extent));
      }
      return PartialShape{std::move(dims)};
    }
    const bool counted = shape.rank() == 1 && shape[0].is_static() && shape[0].length() <= 64;
    return counted ? PartialShape::dynamic(shape[0].length()) : PartialShape::dynamic();
  }
  PartialShape::Dimensions dims;
  for (const auto extent : *extents) {
    if (extent < 0) {
      ctx.fail(fmt::format("the shape asked for has the negative extent {}", extent));
    }
    dims.push_back(Dimension{extent});
  }
  return PartialShape{std::move(dims)};
}

void infer_constant_of_shape(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto value = ctx.attributes().tensor("value");
  if (value && value.size() != 1) {
    ctx.fail(fmt::format("the attribute 'value' has {} elements; one was expected", value.size()));
  }
  ctx.output(0, value ? value.type() : ElementType::f32, shape_from(ctx, 0));
}

Kernel constant_of_shape_kernel(const KernelContext& ctx) {
  const auto count = ctx.output_shape(0).elements();
  auto value = ctx.attributes().tensor("value");
  if (!value) {
    value = Tensor::scalar(0.0F);
  }
  return kernels::with_width(value.type(), [&]<class T>(std::type_identity<T>) -> Kernel {
    return [count, value](const void* const*, void* const* dst) {
      std::fill_n(static_cast<T*>(dst[0]), count, *value.data<T>());
    };
  });
}

const Register constant{{.type = "Constant", .infer = infer_constant}};
const Register constant_of_shape{{.type = "ConstantOfShape",
                                  .since = 9,
                                  .infer = infer_constant_of_shape,
                                  .kernel = constant_of_shape_kernel}};

}  // namespace
}  // namespace coinfer::ops
