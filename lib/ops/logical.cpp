#include "ops/elementwise.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_logical(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(0, {ElementType::boolean});
  ctx.check_type(1, {ElementType::boolean});
  ctx.output(0, ElementType::boolean, broadcast(ctx, 0, 1));
}

void infer_not(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_type(0, {ElementType::boolean});
  ctx.output(0, ElementType::boolean, ctx.shape(0));
}

template <class F>
Kernel logical_kernel(const KernelContext& ctx) {
  return binary_kernel<bool, bool, F>(ctx);
}

Kernel not_kernel(const KernelContext& ctx) {
  return map_kernel<bool, bool>(ctx, std::logical_not<bool>{});
}

// Both operands are bools: their bits decide, without a branch.
using And = std::bit_and<bool>;
using Or = std::bit_or<bool>;
using Xor = std::bit_xor<bool>;

void infer_bitwise(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  if (ctx.type(0) != ctx.type(1)) {
    ctx.fail(fmt::format("the inputs are of types {} and {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(1))));
  }
  ctx.output(0, ctx.type(0), broadcast(ctx, 0, 1));
}

void infer_bitwise_not(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

template <class F>
bool with_integer(ElementType type, F f) {
  return is_integral(type) && with_number(type, [&]<class T>(std::type_identity<T> identity) {
           if constexpr (std::is_integral_v<T>) {
             f(identity);
           }
         });
}

/// The same with the unsigned type of the same width.
template <class F>
bool with_bits(ElementType type, F f) {
  return is_integral(type) &&
         with_unsigned_number(type, [&]<class T>(std::type_identity<T> identity) {
           if constexpr (std::is_unsigned_v<T>) {
             f(identity);
           }
         });
}

template <class F>
struct Bits {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(F{}(a, b));
  }
};

template <class F>
Kernel bitwise_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_bits(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = binary_kernel<T, T, Bits<F>>(ctx);
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

Kernel bitwise_not_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_bits(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(ctx, [](T a) { return static_cast<T>(~a); });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

void infer_shift(InferContext& ctx) {
  infer_bitwise(ctx);
  const auto direction = ctx.attributes().text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    ctx.fail(
        fmt::format("the attribute 'direction' is '{}'; LEFT or RIGHT was expected", direction));
  }
}

/// A shift by the width or more leaves nothing but the sign.
template <bool left>
struct Shift {
  template <class T>
  T operator()(T a, T b) const {
    constexpr auto width = static_cast<std::uint64_t>(sizeof(T) * 8);
    const auto by = static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(b));
    if (left) {
      return by >= width ? T{0} : static_cast<T>(static_cast<std::uint64_t>(a) << by);
    }
    return static_cast<T>(a >> std::min(by, width - 1) >> (by >= width ? 1 : 0));
  }
};

Kernel shift_kernel(const KernelContext& ctx) {
  const bool left = ctx.attributes().text("direction", "") == "LEFT";
  Kernel kernel;
  if (!with_integer(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel =
            left ? binary_kernel<T, T, Shift<true>>(ctx) : binary_kernel<T, T, Shift<false>>(ctx);
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register and_op{{.type = "And", .infer = infer_logical, .kernel = logical_kernel<And>}};
const Register or_op{{.type = "Or", .infer = infer_logical, .kernel = logical_kernel<Or>}};
const Register xor_op{{.type = "Xor", .infer = infer_logical, .kernel = logical_kernel<Xor>}};
const Register not_op{{.type = "Not", .infer = infer_not, .kernel = not_kernel}};
const Register bit_and{{.type = "BitwiseAnd",
                        .since = 18,
                        .infer = infer_bitwise,
                        .kernel = bitwise_kernel<std::bit_and<>>}};
const Register bit_or{{.type = "BitwiseOr",
                       .since = 18,
                       .infer = infer_bitwise,
                       .kernel = bitwise_kernel<std::bit_or<>>}};
const Register bit_xor{{.type = "BitwiseXor",
                        .since = 18,
                        .infer = infer_bitwise,
                        .kernel = bitwise_kernel<std::bit_xor<>>}};
const Register bit_not{
    {.type = "BitwiseNot", .since = 18, .infer = infer_bitwise_not, .kernel = bitwise_not_kernel}};
const Register bit_shift{
    {.type = "BitShift", .since = 11, .infer = infer_shift, .kernel = shift_kernel}};

}  // namespace
}  // namespace coinfer::ops
