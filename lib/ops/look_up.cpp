#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.LookUp: what a one-hot encoding times a matrix is. Integers [..., 1] and a table
// [K + 1, M] give [..., M]: row i of the table, the last one for integers outside of [0, K).

void infer_look_up(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(0, {ElementType::i32, ElementType::i64});
  ctx.check_rank(0, 1, 64);
  ctx.check_rank(1, 2, 2);
  auto shape = ctx.shape(0);
  if (shape.has_rank()) {
    const auto last = static_cast<std::size_t>(shape.rank() - 1);
    if (!shape[last].contains(1) || !ctx.shape(1).has_rank() || ctx.shape(1)[0] == Dimension{0}) {
      ctx.fail(fmt::format("indices of shape {} and a table of shape {} do not fit",
                           shape.to_string(), ctx.shape(1).to_string()));
    }
    shape[last] = ctx.shape(1)[1];
  }
  ctx.output(0, ctx.type(1), std::move(shape));
}

Kernel look_up_kernel(const KernelContext& ctx) {
  if (ctx.type(1) != ElementType::f32) {
    ctx.unsupported_type(ctx.type(1));
  }
  const auto count = ctx.shape(0).elements();
  const auto rows = ctx.shape(1)[0] - 1;
  const auto columns = ctx.shape(1)[1];
  Kernel kernel;
  if (!with_index(ctx.type(0), [&]<class Index>(std::type_identity<Index>) {
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* indices = static_cast<const Index*>(src[0]);
          const auto* table = static_cast<const float*>(src[1]);
          auto* d = static_cast<float*>(dst[0]);
          for (std::int64_t i = 0; i < count; ++i, d += columns) {
            const auto index = static_cast<std::int64_t>(indices[i]);
            const auto row = index >= 0 && index < rows ? index : rows;
            std::memcpy(d, table + row * columns,
                        static_cast<std::size_t>(columns) * sizeof(float));
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register look_up{
    {.type = "LookUp", .infer = infer_look_up, .kernel = look_up_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
