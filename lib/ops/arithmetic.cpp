// Element-wise operators that oneDNN does not have: rounding, signs, trigonometry, remainders.
#include <cmath>

#include "ops/elementwise.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_same(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

void infer_test(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ElementType::boolean, ctx.shape(0));
}

/// F{}(A) -> A for the floating types, computed in float for halves.
template <class F>
Kernel real_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(ctx, [](T x) { return T{F{}(static_cast<wide_of<T>>(x))}; });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

#define COINFER_REAL_FUNCTION(Name, expression) \
  struct Name {                                 \
    template <class A>                          \
    A operator()(A x) const {                   \
      return expression;                        \
    }                                           \
  };                                            \
  const Register Name##_op{{.type = #Name, .infer = infer_same, .kernel = real_kernel<Name>}};

COINFER_REAL_FUNCTION(Floor, std::floor(x))
COINFER_REAL_FUNCTION(Ceil, std::ceil(x))
COINFER_REAL_FUNCTION(Round, std::nearbyint(x))
COINFER_REAL_FUNCTION(Sin, std::sin(x))
COINFER_REAL_FUNCTION(Cos, std::cos(x))
COINFER_REAL_FUNCTION(Tan, std::tan(x))
COINFER_REAL_FUNCTION(Asin, std::asin(x))
COINFER_REAL_FUNCTION(Acos, std::acos(x))
COINFER_REAL_FUNCTION(Atan, std::atan(x))
COINFER_REAL_FUNCTION(Sinh, std::sinh(x))
COINFER_REAL_FUNCTION(Cosh, std::cosh(x))
COINFER_REAL_FUNCTION(Asinh, std::asinh(x))
COINFER_REAL_FUNCTION(Acosh, std::acosh(x))
COINFER_REAL_FUNCTION(Atanh, std::atanh(x))
#undef COINFER_REAL_FUNCTION

Kernel sign_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(ctx, [](T x) -> T {
          const auto wide = static_cast<wide_of<T>>(x);
          return static_cast<T>(static_cast<wide_of<T>>((wide > 0) - (wide < 0)));
        });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

Kernel is_nan_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel =
            map_kernel<T, bool>(ctx, [](T x) { return std::isnan(static_cast<wide_of<T>>(x)); });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

Kernel is_inf_kernel(const KernelContext& ctx) {
  const bool positive = ctx.attributes().integer("detect_positive", 1) != 0;
  const bool negative = ctx.attributes().integer("detect_negative", 1) != 0;
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, bool>(ctx, [=](T x) {
          const auto wide = static_cast<wide_of<T>>(x);
          return std::isinf(wide) && (wide > 0 ? positive : negative);
        });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

void infer_mod(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  if (ctx.type(0) != ctx.type(1)) {
    ctx.fail(fmt::format("the inputs are of types {} and {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(1))));
  }
  ctx.output(0, ctx.type(0), broadcast(ctx, 0, 1));
}

/// C's remainder (`fmod`) has the sign of the dividend, numpy's that of the divisor. By 0: 0.
template <bool fmod>
struct Remainder {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) {
        return 0;
      }
      const auto rest = static_cast<T>(a % b);
      return !fmod && rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
    } else {
      const auto rest = std::fmod(a, b);
      if (fmod) {
        return rest;
      }
      if (std::isinf(b) && std::isfinite(a)) {
        return a == 0 || (a < 0) == (b < 0) ? a : b;
      }
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
  }
};

Kernel mod_kernel(const KernelContext& ctx) {
  const bool fmod = ctx.attributes().integer("fmod", 0) != 0;
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = fmod ? binary_kernel<T, T, Remainder<true>>(ctx)
                      : binary_kernel<T, T, Remainder<false>>(ctx);
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register sign{{.type = "Sign", .since = 9, .infer = infer_same, .kernel = sign_kernel}};
const Register is_nan{{.type = "IsNaN", .since = 9, .infer = infer_test, .kernel = is_nan_kernel}};
const Register is_inf{{.type = "IsInf", .since = 10, .infer = infer_test, .kernel = is_inf_kernel}};
const Register mod{{.type = "Mod", .since = 10, .infer = infer_mod, .kernel = mod_kernel}};

}  // namespace
}  // namespace coinfer::ops
