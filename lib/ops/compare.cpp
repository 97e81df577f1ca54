#include "ops/elementwise.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_compare(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  if (ctx.type(0) != ctx.type(1) && ctx.type(0) != ElementType::dynamic &&
      ctx.type(1) != ElementType::dynamic) {
    ctx.fail(fmt::format("the inputs are of types {} and {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(1))));
  }
  ctx.output(0, ElementType::boolean, broadcast(ctx, 0, 1));
}

template <class Compare>
Kernel compare_kernel(const KernelContext& ctx) {
  Kernel kernel;
  const auto type = ctx.type(0);
  const auto take = [&]<class T>(std::type_identity<T>) {
    kernel = binary_kernel<T, bool, Compare>(ctx);
  };
  if (type == ElementType::boolean) {
    take(std::type_identity<bool>{});
  } else if (type == ElementType::string) {
    take(std::type_identity<std::string>{});
  } else if (!(std::is_same_v<Compare, std::equal_to<>> ? with_unsigned_number(type, take)
                                                        : with_number(type, take))) {
    ctx.unsupported_type(type);
  }
  return kernel;
}

const Register equal{
    {.type = "Equal", .infer = infer_compare, .kernel = compare_kernel<std::equal_to<>>}};
const Register less{
    {.type = "Less", .infer = infer_compare, .kernel = compare_kernel<std::less<>>}};
const Register less_or_equal{{.type = "LessOrEqual",
                              .since = 12,
                              .infer = infer_compare,
                              .kernel = compare_kernel<std::less_equal<>>}};
const Register greater{
    {.type = "Greater", .infer = infer_compare, .kernel = compare_kernel<std::greater<>>}};
const Register greater_or_equal{{.type = "GreaterOrEqual",
                                 .since = 12,
                                 .infer = infer_compare,
                                 .kernel = compare_kernel<std::greater_equal<>>}};

}  // namespace
}  // namespace coinfer::ops
