#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

/// The one number of a tensor of any numeric type; fails for other sizes.
std::int64_t depth_of(const InferContext& ctx, const Tensor& tensor) {
  if (tensor.size() != 1) {
    ctx.fail(fmt::format("the depth has the shape {}; one number was expected",
                         tensor.shape().to_string()));
  }
  double depth = 0;
  if (!with_number(tensor.type(), [&]<class T>(std::type_identity<T>) {
        depth = static_cast<double>(static_cast<wide_of<T>>(*tensor.data<T>()));
      })) {
    ctx.unsupported_type(tensor.type());
  }
  if (!(depth >= 0 && depth < 0x1p53)) {
    ctx.fail(fmt::format("the depth is {}", depth));
  }
  return static_cast<std::int64_t>(depth);
}

void infer_one_hot(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  const auto depth = ctx.value(1);
  if (ctx.shape(2).is_static() && ctx.shape(2) != PartialShape{2}) {
    ctx.fail(fmt::format("the values have the shape {}; [2], off and on, was expected",
                         ctx.shape(2).to_string()));
  }
  const auto& indices = ctx.shape(0);
  if (!indices.has_rank()) {
    ctx.output(0, ctx.type(2), PartialShape::dynamic());
    return;
  }
  const auto axis = normalize_axis(ctx, ctx.attributes().integer("axis", -1), indices.rank() + 1);
  auto dims = indices.dimensions();
  dims.insert(dims.begin() + axis, depth ? Dimension{depth_of(ctx, depth)} : Dimension{});
  ctx.output(0, ctx.type(2), PartialShape{std::move(dims)});
}

Kernel one_hot_kernel(const KernelContext& ctx) {
  const auto to = ctx.output_shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", -1), to.rank()));
  const auto depth = to[axis];
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < to.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : to[i];
  }
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class Index>(std::type_identity<Index>) {
        kernels::with_width(ctx.type(2), [&]<class T>(std::type_identity<T>) {
          kernel = [=](const void* const* src, void* const* dst) {
            const auto* indices = static_cast<const Index*>(src[0]);
            const auto* values = static_cast<const T*>(src[2]);
            auto* d = static_cast<T*>(dst[0]);
            std::fill_n(d, outer * depth * inner, values[0]);
            for (std::int64_t o = 0; o < outer; ++o) {
              for (std::int64_t i = 0; i < inner; ++i) {
                // Compared before it is an integer: a real may lie beyond any.
                const auto wide = static_cast<wide_of<Index>>(indices[o * inner + i]);
                const auto real = static_cast<double>(wide);
                if (!(real >= static_cast<double>(-depth) && real < static_cast<double>(depth))) {
                  continue;
                }
                const auto index = static_cast<std::int64_t>(wide);
                const auto at = index < 0 ? index + depth : index;
                d[(o * depth + at) * inner + i] = values[1];
              }
            }
          };
        });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register one_hot{
    {.type = "OneHot", .since = 9, .infer = infer_one_hot, .kernel = one_hot_kernel}};

}  // namespace
}  // namespace coinfer::ops
