// Element-wise arithmetic of two operands, and of many (Sum, Max, Min, Mean).
#include <algorithm>
#include <limits>

#include "ops/elementwise.hpp"
#include "ops/post_ops.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// Integers come to Add, Sub and Mul as unsigned ones: the result modulo 2^n is the same. Those of 8
// bits, which stand for quantised values and pixels, end at their bounds instead, as OpenVINO's do.
template <class T>
constexpr bool is_bounded = std::is_integral_v<T> && sizeof(T) == 1;

template <class T>
T bounded(int wide) {
  using Limits = std::numeric_limits<T>;
  return static_cast<T>(std::clamp<int>(wide, Limits::min(), Limits::max()));
}

struct Add {
  static constexpr bool ignores_sign = true;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (is_bounded<T>) {
      return bounded<T>(int{a} + int{b});
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    } else {
      return a + b;
    }
  }
};

struct Sub {
  static constexpr bool ignores_sign = true;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (is_bounded<T>) {
      return bounded<T>(int{a} - int{b});
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
    } else {
      return a - b;
    }
  }
};

struct Mul {
  static constexpr bool ignores_sign = true;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (is_bounded<T>) {
      return bounded<T>(int{a} * int{b});
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    } else {
      return a * b;
    }
  }
};

struct Div {
  static constexpr bool ignores_sign = false;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) {
        throw Error("division of an integer by zero");
      }
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) {  // the smallest number has no opposite
          if constexpr (is_bounded<T>) {
            return bounded<T>(-int{a});
          }
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
  static constexpr bool ignores_sign = false;
  template <class T>
  T operator()(T a, T b) const {
    // A NaN on either side is the result.
    return a > b || is_nan(a) ? a : b;
  }
};

struct Min {
  static constexpr bool ignores_sign = false;
  template <class T>
  T operator()(T a, T b) const {
    return a < b || is_nan(a) ? a : b;
  }
};

/// The row of F for elements of a type.
struct TypedRow {
  BinaryRow row = nullptr;
  std::size_t width = 0;
};

template <class F>
TypedRow row_of(const KernelContext& ctx, ElementType type) {
  TypedRow result;
  const auto take = [&]<class T>(std::type_identity<T>) {
    result = {binary_row<T, T, F>, sizeof(T)};
  };
  const bool unsigned_too = F::ignores_sign && type != ElementType::i8;
  if (!(unsigned_too ? with_unsigned_number(type, take) : with_number(type, take))) {
    ctx.unsupported_type(type);
  }
  return result;
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
  const auto [row, width] = row_of<F>(ctx, ctx.type(0));
  return binary_kernel(ctx, row, width, width);
}

/// dst = dst F src, broadcast. A copy of a part of dst is the first operand, because a loop over
/// operands that overlap would not be vectorised.
Kernel accumulate_kernel(const KernelContext& ctx, const TypedRow& typed, std::size_t input) {
  const kernels::Broadcast<1> walk{ctx.output_shape(0), {ctx.shape(input)}};
  const auto width = static_cast<std::int64_t>(typed.width);
  return [walk, width, row = typed.row, input](const void* const* src, void* const* dst) {
    const auto* from = static_cast<const std::byte*>(src[input]);
    auto* to = static_cast<std::byte*>(dst[0]);
    const bool spread = walk.step(0) == 0;
    walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
      alignas(64) std::byte before[converted_chunk * sizeof(double)];
      for (std::int64_t i = 0; i < walk.row(); i += converted_chunk) {
        const auto part = std::min(converted_chunk, walk.row() - i);
        auto* d = to + (at_dst + i) * width;
        std::memcpy(before, d, static_cast<std::size_t>(part * width));
        row(before, from + (at[0] + (spread ? 0 : i)) * width, d, part, false, spread);
      }
    });
  };
}

/// The first two operands in one pass, then one pass for each other.
template <class F>
Kernel kernel_of_many(const KernelContext& ctx) {
  const auto typed = row_of<F>(ctx, ctx.type(0));
  if (ctx.inputs() == 1) {
    const auto bytes = static_cast<std::size_t>(ctx.output_shape(0).elements()) * typed.width;
    return
        [bytes](const void* const* src, void* const* dst) { std::memcpy(dst[0], src[0], bytes); };
  }
  auto first = binary_kernel(ctx, typed.row, typed.width, typed.width);
  if (ctx.inputs() == 2) {
    return first;
  }
  std::vector<Kernel> passes{std::move(first)};
  for (std::size_t i = 2; i < ctx.inputs(); ++i) {
    passes.push_back(accumulate_kernel(ctx, typed, i));
  }
  return [passes = std::move(passes)](const void* const* src, void* const* dst) {
    for (const auto& pass : passes) {
      pass(src, dst);
    }
  };
}

Kernel kernel_of_mean(const KernelContext& ctx) {
  auto sum = kernel_of_many<Add>(ctx);
  Kernel kernel;
  with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
    kernel = [sum, elements = ctx.output_shape(0).elements(),
              count = static_cast<wide_of<T>>(ctx.inputs())](const void* const* src,
                                                             void* const* dst) {
      sum(src, dst);
      auto* d = static_cast<T*>(dst[0]);
      for (std::int64_t i = 0; i < elements; ++i) {
        d[i] = static_cast<T>(static_cast<wide_of<T>>(d[i]) / count);
      }
    };
  });
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
const Register mean{{.type = "Mean", .since = 6, .infer = infer_many, .kernel = kernel_of_mean}};

}  // namespace
}  // namespace coinfer::ops
