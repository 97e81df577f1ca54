#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

// coinfer.Roll: elements moved along axes, those that leave come in again at the other end.
// Data, shifts (i64), axes (i64, as many; one shift serves all of them).

void infer_roll(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  for (std::size_t i = 1; i < 3; ++i) {
    ctx.check_type(i, {ElementType::i64});
    ctx.check_rank(i, 0, 1);
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

/// How far each axis is moved, in [0, extent).
Dims shifts_of(const Shape& shape, const std::int64_t* shifts, std::int64_t shift_count,
               const std::int64_t* axes, std::int64_t axis_count) {
  if (shift_count != 1 && shift_count != axis_count) {
    throw Error(fmt::format("{} shifts were given for {} axes", shift_count, axis_count));
  }
  Dims result(shape.size(), 0);
  for (std::int64_t i = 0; i < axis_count; ++i) {
    const auto axis = axes[i] < 0 ? axes[i] + shape.rank() : axes[i];
    if (axis < 0 || axis >= shape.rank()) {
      throw Error(
          fmt::format("the axis {} does not lie in a tensor of rank {}", axes[i], shape.rank()));
    }
    auto& by = result[static_cast<std::size_t>(axis)];
    const auto extent = std::max<std::int64_t>(shape[static_cast<std::size_t>(axis)], 1);
    by = ((by + shifts[shift_count == 1 ? 0 : i] % extent) % extent + extent) % extent;
  }
  return result;
}

Kernel roll_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto shift_count = ctx.shape(1).elements();
  const auto axis_count = ctx.shape(2).elements();
  const auto steps = kernels::strides_of(shape);
  return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
    return [=](const void* const* src, void* const* dst) {
      const auto by = shifts_of(shape, static_cast<const std::int64_t*>(src[1]), shift_count,
                                static_cast<const std::int64_t*>(src[2]), axis_count);
      const auto* x = static_cast<const T*>(src[0]);
      auto* d = static_cast<T*>(dst[0]);
      if (shape.empty()) {
        *d = *x;
        return;
      }
      const auto columns = shape.back();
      if (shape.elements() == 0) {
        return;
      }
      Dims index(shape.size(), 0);
      for (auto rows = shape.elements() / columns; rows > 0; --rows) {
        std::int64_t from = 0;
        for (std::size_t k = 0; k + 1 < shape.size(); ++k) {
          from += (index[k] + shape[k] - by[k]) % shape[k] * steps[k];
        }
        d = std::copy_n(x + from + columns - by.back(), by.back(), d);
        d = std::copy_n(x + from, columns - by.back(), d);
        for (auto k = shape.size() - 1; k-- > 0 && ++index[k] == shape[k];) {
          index[k] = 0;
        }
      }
    };
  });
}

const Register roll{
    {.type = "Roll", .infer = infer_roll, .kernel = roll_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
