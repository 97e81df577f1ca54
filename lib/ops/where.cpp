#include "kernels/broadcast.hpp"
#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

void infer_where(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_type(0, {ElementType::boolean});
  if (ctx.type(1) != ctx.type(2)) {
    ctx.fail(fmt::format("the values are of types {} and {}; equal types were expected",
                         name_of(ctx.type(1)), name_of(ctx.type(2))));
  }
  ctx.output(0, ctx.type(1), broadcast(ctx, ctx.shape(0), broadcast(ctx, 1, 2)));
}

template <class T, int StepX, int StepY>
void choose_row(const bool* condition, const T* x, const T* y, T* d, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    d[i] = condition[i] ? x[i * StepX] : y[i * StepY];
  }
}

template <class T>
Kernel where_of(const KernelContext& ctx) {
  const kernels::Broadcast<3> walk{ctx.output_shape(0), {ctx.shape(0), ctx.shape(1), ctx.shape(2)}};
  using Row = void (*)(const bool*, const T*, const T*, T*, std::int64_t);
  const Row choose = walk.step(1) != 0
                         ? (walk.step(2) != 0 ? choose_row<T, 1, 1> : choose_row<T, 1, 0>)
                         : (walk.step(2) != 0 ? choose_row<T, 0, 1> : choose_row<T, 0, 0>);
  return [walk, choose](const void* const* src, void* const* dst) {
    walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
      const auto* condition = static_cast<const bool*>(src[0]) + at[0];
      const auto* x = static_cast<const T*>(src[1]) + at[1];
      const auto* y = static_cast<const T*>(src[2]) + at[2];
      auto* d = static_cast<T*>(dst[0]) + at_dst;
      if (walk.step(0) != 0) {
        choose(condition, x, y, d, walk.row());
        return;
      }
      const auto* chosen = *condition ? x : y;
      if (walk.step(*condition ? 1 : 2) != 0) {
        std::copy_n(chosen, walk.row(), d);
      } else {
        std::fill_n(d, walk.row(), *chosen);
      }
    });
  };
}

Kernel where_kernel(const KernelContext& ctx) {
  return kernels::with_width(
      ctx.type(1), [&]<class T>(std::type_identity<T>) -> Kernel { return where_of<T>(ctx); });
}

const Register where{{.type = "Where", .since = 9, .infer = infer_where, .kernel = where_kernel}};

}  // namespace
}  // namespace coinfer::ops
