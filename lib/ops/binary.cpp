// Element-wise arithmetic of two operands, and of many (Sum, Max, Min, Mean).
#include <cmath>

#include "ops/elementwise.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    } else {
      return a + b;
    }
  }
};

struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
    } else {
      return a - b;
    }
  }
};

struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    } else {
      return a * b;
    }
  }
};

struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) {
        throw Error("division of an integer by zero");
      }
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) {  // the smallest number has no opposite
          return static_cast<T>(std::uint64_t{0} - static_cast<std::uint64_t>(a));
        }
      }
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};

struct Max {
  template <class T>
  T operator()(T a, T b) const {
    // A NaN on either side is the result.
    return a > b || a != a ? a : b;
  }
};

struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

/// F on halves is F on floats.
template <class F, class T>
T apply(T a, T b) {
  return static_cast<T>(F{}(static_cast<wide_of<T>>(a), static_cast<wide_of<T>>(b)));
}

void check_equal_types(InferContext& ctx) {
  for (std::size_t i = 1; i < ctx.inputs(); ++i) {
    if (ctx.type(i) != ctx.type(0) && ctx.type(i) != ElementType::dynamic &&
        ctx.type(0) != ElementType::dynamic) {
      ctx.fail(fmt::format("the inputs are of types {} and {}; equal types were expected",
                           name_of(ctx.type(0)), name_of(ctx.type(i))));
    }
  }
}

void infer_binary(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  check_equal_types(ctx);
  ctx.output(0, ctx.type(0), broadcast(ctx, 0, 1));
}

void infer_pow(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.output(0, ctx.type(0), broadcast(ctx, 0, 1));
}

void infer_many(InferContext& ctx) {
  ctx.check_inputs(1, SIZE_MAX);
  check_equal_types(ctx);
  auto shape = ctx.shape(0);
  for (std::size_t i = 1; i < ctx.inputs(); ++i) {
    shape = broadcast(ctx, shape, ctx.shape(i));
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

template <class F>
Kernel kernel_of_two(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = binary_kernel<T, T>(ctx, [](T a, T b) { return apply<F>(a, b); });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

/// The first operand spread over the result, then one pass for each other.
template <class F>
Kernel kernel_of_many(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        const auto shape = ctx.output_shape(0);
        std::vector<kernels::Broadcast<1>> walks;
        for (std::size_t i = 0; i < ctx.inputs(); ++i) {
          walks.emplace_back(shape, std::array<Shape, 1>{ctx.shape(i)});
        }
        const bool mean = ctx.node().type == "Mean";
        kernel = [walks, shape, mean](const void* const* src, void* const* dst) {
          auto* result = static_cast<T*>(dst[0]);
          for (std::size_t k = 0; k < walks.size(); ++k) {
            const auto& walk = walks[k];
            walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
              const auto* from = static_cast<const T*>(src[k]) + at[0];
              for (std::int64_t i = 0; i < walk.row(); ++i) {
                auto& to = result[at_dst + i];
                const auto value = from[i * walk.step(0)];
                to = k == 0 ? value : apply<F>(to, value);
              }
            });
          }
          if (mean) {
            for (std::int64_t i = 0; i < shape.elements(); ++i) {
              result[i] = static_cast<T>(static_cast<wide_of<T>>(result[i]) /
                                         static_cast<wide_of<T>>(walks.size()));
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

template <class B>
struct Power {
  template <class E>
  static B of(B base, E exponent) {
    if constexpr (std::is_integral_v<B> && std::is_integral_v<E>) {
      auto rest = static_cast<std::int64_t>(exponent);
      if (rest < 0) {
        return base == 1 ? B{1} : base == static_cast<B>(-1) ? (rest % 2 == 0 ? B{1} : base) : B{0};
      }
      std::uint64_t result = 1;
      for (auto factor = static_cast<std::uint64_t>(base); rest > 0; rest >>= 1, factor *= factor) {
        result *= (rest & 1) != 0 ? factor : 1;
      }
      return static_cast<B>(result);
    } else if constexpr (std::is_same_v<wide_of<B>, float>) {
      return static_cast<B>(std::pow(static_cast<float>(base), static_cast<float>(exponent)));
    } else {
      return static_cast<B>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    }
  }
};

Kernel kernel_of_pow(const KernelContext& ctx) {
  Kernel kernel;
  const kernels::Broadcast<2> walk{ctx.output_shape(0), {ctx.shape(0), ctx.shape(1)}};
  bool known = false;
  with_number(ctx.type(0), [&]<class B>(std::type_identity<B>) {
    known = with_number(ctx.type(1), [&]<class E>(std::type_identity<E>) {
      kernel = [walk](const void* const* src, void* const* dst) {
        walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
          const auto* a = static_cast<const B*>(src[0]) + at[0];
          const auto* b = static_cast<const E*>(src[1]) + at[1];
          auto* d = static_cast<B*>(dst[0]) + at_dst;
          for (std::int64_t i = 0; i < walk.row(); ++i) {
            d[i] = Power<B>::of(a[i * walk.step(0)], b[i * walk.step(1)]);
          }
        });
      };
    });
  });
  if (!known) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

template <class F>
constexpr OpDef of_two(std::string_view type) {
  return {.type = type,
          .since = 7,
          .infer = infer_binary,
          .kernel = kernel_of_two<F>,
          .lower = lower_binary};
}

template <class F>
constexpr OpDef of_many(std::string_view type) {
  return {.type = type,
          .since = 6,
          .infer = infer_many,
          .kernel = kernel_of_many<F>,
          .lower = lower_binary};
}

const Register add{of_two<Add>("Add")};
const Register sub{of_two<Sub>("Sub")};
const Register mul{of_two<Mul>("Mul")};
const Register div{of_two<Div>("Div")};
const Register max{of_many<Max>("Max")};
const Register min{of_many<Min>("Min")};
const Register sum{of_many<Add>("Sum")};
const Register mean{
    {.type = "Mean", .since = 6, .infer = infer_many, .kernel = kernel_of_many<Add>}};
const Register power{{.type = "Pow",
                      .since = 7,
                      .infer = infer_pow,
                      .kernel = kernel_of_pow,
                      .lower = lower_binary}};

}  // namespace
}  // namespace coinfer::ops
