// Element-wise functions of one operand that oneDNN has too.
#include <cmath>
#include <limits>
#include <numbers>

#include "ops/convert.hpp"
#include "ops/elementwise.hpp"
#include "ops/eltwise.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_same(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

void infer_clip(InferContext& ctx) {
  ctx.check_inputs(1, 3);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

/// Function::from(attributes) gives a function of one real, computed in float for halves.
template <class Function>
Kernel real_kernel(const KernelContext& ctx) {
  Kernel kernel;
  const auto function = Function::from(ctx.attributes());
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(
            ctx, [function](T x) { return static_cast<T>(function(static_cast<wide_of<T>>(x))); });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

/// The same for all numbers.
template <class Function>
Kernel number_kernel(const KernelContext& ctx) {
  Kernel kernel;
  const auto function = Function::from(ctx.attributes());
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(
            ctx, [function](T x) { return static_cast<T>(function(static_cast<wide_of<T>>(x))); });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

#define COINFER_FUNCTION(Name, expression)                              \
  struct Name {                                                         \
    static auto from([[maybe_unused]] const graph::Attributes& given) { \
      return [](auto x) { return expression; };                         \
    }                                                                   \
  };
#define COINFER_FUNCTION_OF(Name, parameters, expression) \
  struct Name {                                           \
    static auto from(const graph::Attributes& given) {    \
      return [parameters](auto x) { return expression; }; \
    }                                                     \
  };

COINFER_FUNCTION(Relu, x != x || x > decltype(x){0} ? x : decltype(x){0})
COINFER_FUNCTION(Sigmoid, decltype(x){1} / (decltype(x){1} + std::exp(-x)))
COINFER_FUNCTION(Tanh, std::tanh(x))
COINFER_FUNCTION(Exp, std::exp(x))
COINFER_FUNCTION(Log, std::log(x))
COINFER_FUNCTION(Sqrt, std::sqrt(x))
COINFER_FUNCTION(Erf, std::erf(x))
COINFER_FUNCTION(Reciprocal, decltype(x){1} / x)
COINFER_FUNCTION_OF(LeakyRelu, alpha = given.real("alpha", 0.01F),
                    x < 0 ? decltype(x)(alpha) * x : x)
COINFER_FUNCTION_OF(Elu, alpha = given.real("alpha", 1),
                    x < 0 ? decltype(x)(alpha) * std::expm1(x) : x)
COINFER_FUNCTION_OF(Swish, alpha = given.real("alpha", 1),
                    x / (decltype(x){1} + std::exp(-decltype(x)(alpha) * x)))
#undef COINFER_FUNCTION
#undef COINFER_FUNCTION_OF

struct Neg {
  static auto from(const graph::Attributes&) {
    return []<class T>(T x) -> T {
      if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x));
      } else {
        return -x;
      }
    };
  }
};

struct Abs {
  static auto from(const graph::Attributes&) {
    return []<class T>(T x) -> T {
      if constexpr (std::is_unsigned_v<T>) {
        return x;
      } else if constexpr (std::is_integral_v<T>) {
        return x < 0 ? static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(x)) : x;
      } else {
        return std::abs(x);
      }
    };
  }
};

struct HardSigmoid {
  static auto from(const graph::Attributes& given) {
    return [alpha = given.real("alpha", 0.2F), beta = given.real("beta", 0.5F)]<class T>(T x) {
      return std::max(T{0}, std::min(T{1}, static_cast<T>(alpha) * x + static_cast<T>(beta)));
    };
  }
};

struct HardSwish {
  static auto from(const graph::Attributes&) {
    return []<class T>(T x) { return x * std::max(T{0}, std::min(T{1}, x / T{6} + T{0.5})); };
  }
};

struct Gelu {
  static auto from(const graph::Attributes& given) {
    return [tanh = given.text("approximate", "none") == "tanh"]<class T>(T x) {
      if (tanh) {
        const auto inner = static_cast<T>(std::sqrt(2 / std::numbers::pi)) *
                           (x + static_cast<T>(0.044715) * x * x * x);
        return x * (1 + std::tanh(inner)) / 2;
      }
      return x * (1 + std::erf(x / std::numbers::sqrt2_v<T>)) / 2;
    };
  }
};

Kernel clip_kernel(const KernelContext& ctx) {
  Kernel kernel;
  const auto count = ctx.shape(0).elements();
  for (std::size_t i = 1; i < ctx.inputs(); ++i) {
    if (ctx.has(i) && ctx.shape(i).elements() != 1) {
      ctx.fail("a bound of Clip must be a scalar");
    }
  }
  const auto low_given = ctx.attributes().has("min");
  const auto high_given = ctx.attributes().has("max");
  const auto low_attribute = ctx.attributes().real("min", 0);
  const auto high_attribute = ctx.attributes().real("max", 0);
  const std::size_t inputs = ctx.inputs();
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        using Wide = wide_of<T>;
        kernel = [=](const void* const* src, void* const* dst) {
          using Limits = std::numeric_limits<Wide>;
          auto low = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
          auto high = Limits::has_infinity ? Limits::infinity() : Limits::max();
          low = low_given ? convert<Wide>(low_attribute) : low;
          high = high_given ? convert<Wide>(high_attribute) : high;
          if (inputs > 1 && src[1] != nullptr) {
            low = static_cast<Wide>(*static_cast<const T*>(src[1]));
          }
          if (inputs > 2 && src[2] != nullptr) {
            high = static_cast<Wide>(*static_cast<const T*>(src[2]));
          }
          const auto* a = static_cast<const T*>(src[0]);
          auto* d = static_cast<T*>(dst[0]);
          for (std::int64_t i = 0; i < count; ++i) {
            const auto x = static_cast<Wide>(a[i]);
            // In numpy's order: a NaN stays, and the upper bound wins.
            const auto raised = x < low ? low : x;
            d[i] = static_cast<T>(raised > high ? high : raised);
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

constexpr OpDef function(std::string_view type, int since, Kernel (*kernel)(const KernelContext&)) {
  return {
      .type = type, .since = since, .infer = infer_same, .kernel = kernel, .lower = lower_eltwise};
}

const Register relu{function("Relu", 6, number_kernel<Relu>)};
const Register leaky_relu{function("LeakyRelu", 6, real_kernel<LeakyRelu>)};
const Register elu{function("Elu", 6, real_kernel<Elu>)};
const Register sigmoid{function("Sigmoid", 6, real_kernel<Sigmoid>)};
const Register tanh{function("Tanh", 6, real_kernel<Tanh>)};
const Register exp{function("Exp", 6, real_kernel<Exp>)};
const Register log{function("Log", 6, real_kernel<Log>)};
const Register sqrt{function("Sqrt", 6, real_kernel<Sqrt>)};
const Register erf{function("Erf", 9, real_kernel<Erf>)};
const Register neg{function("Neg", 6, number_kernel<Neg>)};
const Register abs{function("Abs", 6, number_kernel<Abs>)};
const Register reciprocal{function("Reciprocal", 6, real_kernel<Reciprocal>)};
const Register gelu{function("Gelu", 20, real_kernel<Gelu>)};
const Register swish{function("Swish", 24, real_kernel<Swish>)};
const Register hard_sigmoid{function("HardSigmoid", 6, real_kernel<HardSigmoid>)};
const Register hard_swish{function("HardSwish", 14, real_kernel<HardSwish>)};
const Register clip{{.type = "Clip",
                     .since = 6,
                     .infer = infer_clip,
                     .kernel = clip_kernel,
                     .lower = lower_eltwise}};

}  // namespace
}  // namespace coinfer::ops
