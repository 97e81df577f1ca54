// Trilu and EyeLike: matrices told apart by their diagonal.
#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_trilu(InferContext& ctx) {
  ctx.check_inputs(1, 2);
  ctx.check_rank(0, 2, 64);
  if (ctx.has(1)) {
    ctx.check_type(1, {ElementType::i64});
    if (ctx.shape(1).is_static() && ctx.shape(1).to_shape().elements() != 1) {
      ctx.fail("the diagonal is not one number");
    }
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

Kernel trilu_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const bool upper = ctx.attributes().integer("upper", 1) != 0;
  const bool shifted = ctx.has(1);
  const auto columns = shape[shape.size() - 1];
  const auto rows = shape[shape.size() - 2];
  const auto matrix = std::max<std::int64_t>(rows * columns, 1);
  const auto count = shape.elements() / matrix;
  return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
    return [=](const void* const* src, void* const* dst) {
      const auto shift = shifted ? *static_cast<const std::int64_t*>(src[1]) : 0;
      // Beyond the corners a shift changes nothing more.
      const auto k = std::clamp(shift, -rows - 1, columns + 1);
      const auto* from = static_cast<const T*>(src[0]);
      auto* to = static_cast<T*>(dst[0]);
      for (std::int64_t m = 0; m < count; ++m) {
        for (std::int64_t row = 0; row < rows; ++row, from += columns, to += columns) {
          const auto split = std::clamp<std::int64_t>(upper ? row + k : row + k + 1, 0, columns);
          if (upper) {
            std::fill_n(to, split, T{});
            std::copy(from + split, from + columns, to + split);
          } else {
            std::copy_n(from, split, to);
            std::fill(to + split, to + columns, T{});
          }
        }
      }
    };
  });
}

void infer_eye_like(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 2, 2);
  auto type = ctx.type(0);
  if (ctx.attributes().has("dtype")) {
    type = from_onnx_type(ctx.attributes().integer("dtype", 0));
    if (type == ElementType::dynamic) {
      ctx.fail(fmt::format("the attribute 'dtype' is {}", ctx.attributes().integer("dtype", 0)));
    }
  }
  ctx.output(0, type, ctx.shape(0));
}

Kernel eye_like_kernel(const KernelContext& ctx) {
  const auto shape = ctx.output_shape(0);
  const auto k = std::clamp(ctx.attributes().integer("k", 0), -shape[0] - 1, shape[1] + 1);
  const auto fill = [=]<class T>(T one) -> Kernel {
    return [=](const void* const*, void* const* dst) {
      auto* d = static_cast<T*>(dst[0]);
      std::fill_n(d, shape[0] * shape[1], T(0));
      for (auto row = std::max<std::int64_t>(-k, 0); row < shape[0] && row + k < shape[1]; ++row) {
        d[row * shape[1] + row + k] = one;
      }
    };
  };
  Kernel kernel;
  if (ctx.output_type(0) == ElementType::boolean) {
    return fill(true);
  }
  if (!with_number(ctx.output_type(0),
                   [&]<class T>(std::type_identity<T>) { kernel = fill(T(1)); })) {
    ctx.unsupported_type(ctx.output_type(0));
  }
  return kernel;
}

const Register trilu{{.type = "Trilu", .since = 14, .infer = infer_trilu, .kernel = trilu_kernel}};
const Register eye_like{
    {.type = "EyeLike", .since = 9, .infer = infer_eye_like, .kernel = eye_like_kernel}};

}  // namespace
}  // namespace coinfer::ops
