// Activations that oneDNN does not have; the others are in unary.cpp.
#include <cmath>

#include "ops/elementwise.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_same(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

/// `make(attributes)` gives a function of one real, computed in float for halves.
template <class Make>
Kernel activation_kernel(const KernelContext& ctx) {
  Kernel kernel;
  const auto function = Make::from(ctx.attributes());
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(
            ctx, [function](T x) { return static_cast<T>(function(static_cast<wide_of<T>>(x))); });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

struct Softplus {
  static auto from(const graph::Attributes&) {
    return [](auto x) { return std::max<decltype(x)>(x, 0) + std::log1p(std::exp(-std::abs(x))); };
  }
};
struct Softsign {
  static auto from(const graph::Attributes&) {
    return [](auto x) { return x / (1 + std::abs(x)); };
  }
};
struct Selu {
  static auto from(const graph::Attributes& attributes) {
    return [alpha = attributes.real("alpha", 1.67326319217681884765625F),
            gamma = attributes.real("gamma", 1.05070102214813232421875F)](auto x) {
      return gamma * (x > 0 ? x : alpha * std::expm1(x));
    };
  }
};
struct Celu {
  static auto from(const graph::Attributes& attributes) {
    return [alpha = attributes.real("alpha", 1)](auto x) {
      return x > 0 ? x : alpha * std::expm1(x / alpha);
    };
  }
};
struct ThresholdedRelu {
  static auto from(const graph::Attributes& attributes) {
    return [alpha = attributes.real("alpha", 1)](auto x) { return x > alpha ? x : decltype(x){0}; };
  }
};
struct Mish {
  static auto from(const graph::Attributes&) {
    return [](auto x) {
      return x * std::tanh(std::max<decltype(x)>(x, 0) + std::log1p(std::exp(-std::abs(x))));
    };
  }
};

Kernel shrink_kernel(const KernelContext& ctx) {
  const auto lambda = ctx.attributes().real("lambd", 0.5F);
  const auto bias = ctx.attributes().real("bias", 0);
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(ctx, [=](T x) -> T {
          const auto wide = static_cast<double>(static_cast<wide_of<T>>(x));
          const auto result = wide < -lambda ? wide + bias : wide > lambda ? wide - bias : 0.0;
          if constexpr (std::is_integral_v<T>) {
            constexpr auto low = static_cast<double>(std::numeric_limits<T>::min());
            constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
            return result >= high  ? std::numeric_limits<T>::max()
                   : result >= low ? static_cast<T>(result)
                                   : std::numeric_limits<T>::min();
          } else {
            return static_cast<T>(static_cast<wide_of<T>>(result));
          }
        });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

void infer_prelu(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  if (ctx.type(0) != ctx.type(1)) {
    ctx.fail(fmt::format("the slope is of type {}; {} was expected", name_of(ctx.type(1)),
                         name_of(ctx.type(0))));
  }
  const auto both = broadcast(ctx, 0, 1);
  if (!PartialShape::merge(both, ctx.shape(0))) {
    ctx.fail(fmt::format("the slope of shape {} does not broadcast to {}", ctx.shape(1).to_string(),
                         ctx.shape(0).to_string()));
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

struct PRelu {
  template <class T>
  T operator()(T x, T slope) const {
    return x < 0 ? x * slope : x;
  }
};

Kernel prelu_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = binary_kernel<T, T, PRelu>(ctx);
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

template <class F>
constexpr OpDef definition(std::string_view type, int since) {
  return {.type = type, .since = since, .infer = infer_same, .kernel = activation_kernel<F>};
}

const Register softplus{definition<Softplus>("Softplus", 1)};
const Register softsign{definition<Softsign>("Softsign", 1)};
const Register selu{definition<Selu>("Selu", 6)};
const Register celu{definition<Celu>("Celu", 12)};
const Register thresholded_relu{definition<ThresholdedRelu>("ThresholdedRelu", 10)};
const Register mish{definition<Mish>("Mish", 18)};
const Register shrink{{.type = "Shrink", .since = 9, .infer = infer_same, .kernel = shrink_kernel}};
const Register prelu{{.type = "PRelu", .since = 7, .infer = infer_prelu, .kernel = prelu_kernel}};

}  // namespace
}  // namespace coinfer::ops
