#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

template <class Context>
std::int64_t axis_of(const Context& ctx, const std::optional<std::vector<std::int64_t>>& axis,
                     std::int64_t rank) {
  if (!axis || axis->size() != 1) {
    ctx.fail("the axis is not one known number");
  }
  return normalize_axis(ctx, axis->front(), rank);
}

void infer_cumulative(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  const auto axis = ctx.integers(1);
  if (axis && ctx.shape(0).has_rank()) {
    axis_of(ctx, axis, ctx.shape(0).rank());
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

struct Add {
  static constexpr int first = 0;
  template <class A>
  static A apply(A a, A b) {
    return a + b;
  }
};
struct Multiply {
  static constexpr int first = 1;
  template <class A>
  static A apply(A a, A b) {
    return a * b;
  }
};

template <class Op>
Kernel cumulative_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(axis_of(ctx, ctx.integers("", 1), shape.rank()));
  const bool exclusive = ctx.attributes().integer("exclusive", 0) != 0;
  const bool reverse = ctx.attributes().integer("reverse", 0) != 0;
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
  }
  const auto count = shape[axis];
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        // Integers modulo 2^64: overflow is no undefined behaviour.
        using A = std::conditional_t<std::is_integral_v<T>, std::uint64_t, wide_of<T>>;
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* from = static_cast<const T*>(src[0]);
          auto* to = static_cast<T*>(dst[0]);
          for (std::int64_t o = 0; o < outer; ++o) {
            for (std::int64_t i = 0; i < inner; ++i) {
              A sum = Op::first;
              for (std::int64_t k = 0; k < count; ++k) {
                const auto at = (o * count + (reverse ? count - 1 - k : k)) * inner + i;
                const auto next = Op::template apply<A>(sum, static_cast<A>(from[at]));
                to[at] = static_cast<T>(exclusive ? sum : next);
                sum = next;
              }
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register cum_sum{
    {.type = "CumSum", .since = 11, .infer = infer_cumulative, .kernel = cumulative_kernel<Add>}};
const Register cum_prod{{.type = "CumProd",
                         .since = 26,
                         .infer = infer_cumulative,
                         .kernel = cumulative_kernel<Multiply>}};

}  // namespace
}  // namespace coinfer::ops
