#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_hardmax(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  if (ctx.shape(0).has_rank()) {
    normalize_axis(ctx, ctx.attributes().integer("axis", ctx.opset() < 13 ? 1 : -1),
                   ctx.shape(0).rank());
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

Kernel hardmax_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const bool flat = ctx.opset() < 13;  // everything from the axis on is one row
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", flat ? 1 : -1), shape.rank()));
  std::int64_t outer = 1;
  std::int64_t count = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? outer : i == axis || flat ? count : inner) *= shape[i];
  }
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          for (std::int64_t o = 0; o < outer && count > 0; ++o) {
            for (std::int64_t i = 0; i < inner; ++i) {
              const auto* x = static_cast<const T*>(src[0]) + o * count * inner + i;
              auto* d = static_cast<T*>(dst[0]) + o * count * inner + i;
              std::int64_t best = 0;
              for (std::int64_t k = 0; k < count; ++k) {
                if (static_cast<wide_of<T>>(x[k * inner]) >
                    static_cast<wide_of<T>>(x[best * inner])) {
                  best = k;
                }
              }
              for (std::int64_t k = 0; k < count; ++k) {
                d[k * inner] = T(k == best ? 1 : 0);
              }
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register hardmax{{.type = "Hardmax", .infer = infer_hardmax, .kernel = hardmax_kernel}};

}  // namespace
}  // namespace coinfer::ops
