// Pow: the base's type is the result's; the exponent may be of any other.
#include <cmath>

#include "ops/convert.hpp"
#include "ops/elementwise.hpp"
#include "ops/post_ops.hpp"

namespace coinfer::ops {
namespace {

void infer_pow(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.output(0, ctx.type(0), broadcast(ctx, 0, 1));
}

template <class B>
B power_of(B base, std::int64_t exponent) {
  if (exponent < 0) {
    return base == 1 ? B{1} : base == static_cast<B>(-1) ? (exponent % 2 == 0 ? B{1} : base) : B{0};
  }
  std::uint64_t result = 1;
  for (auto factor = static_cast<std::uint64_t>(base); exponent > 0;
       exponent >>= 1, factor *= factor) {
    result *= (exponent & 1) != 0 ? factor : 1;
  }
  return static_cast<B>(result);
}

template <class B, class E>
B power(B base, E exponent) {
  if constexpr (std::is_same_v<E, std::int64_t>) {
    return power_of(base, exponent);
  } else {
    return convert<B>(std::pow(static_cast<E>(base), exponent));
  }
}

/// Exponents of any type as E, which the computation is in: i64 when both are integers, else float
/// or double as the base is wide.
template <class E>
using Load = void (*)(const void* src, E* dst, std::int64_t count);

template <class E>
Load<E> load_of(const KernelContext& ctx, ElementType type) {
  Load<E> load = nullptr;
  with_number(type, [&]<class From>(std::type_identity<From>) {
    load = [](const void* src, E* dst, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        dst[i] = static_cast<E>(static_cast<wide_of<From>>(static_cast<const From*>(src)[i]));
      }
    };
  });
  if (load == nullptr) {
    ctx.unsupported_type(type);
  }
  return load;
}

template <class B, class E>
Kernel pow_kernel_of(const KernelContext& ctx) {
  const kernels::Broadcast<2> walk{ctx.output_shape(0), {ctx.shape(0), ctx.shape(1)}};
  const auto load = load_of<E>(ctx, ctx.type(1));
  const auto width = static_cast<std::int64_t>(size_of(ctx.type(1)));
  return [walk, load, width](const void* const* src, void* const* dst) {
    walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
      const auto* base = static_cast<const B*>(src[0]) + at[0];
      const auto* exponent = static_cast<const std::byte*>(src[1]) + at[1] * width;
      auto* d = static_cast<B*>(dst[0]) + at_dst;
      E exponents[converted_chunk];
      const auto step = walk.step(1);
      for (std::int64_t from = 0; from < walk.row(); from += converted_chunk) {
        const auto part = std::min(converted_chunk, walk.row() - from);
        load(exponent + step * from * width, exponents, step == 0 ? 1 : part);
        for (std::int64_t i = 0; i < part; ++i) {
          d[from + i] = power(base[(from + i) * walk.step(0)], exponents[i * step]);
        }
      }
    });
  };
}

Kernel pow_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class B>(std::type_identity<B>) {
        if constexpr (std::is_same_v<wide_of<B>, float>) {
          kernel = pow_kernel_of<B, float>(ctx);
        } else if constexpr (std::is_same_v<B, double>) {
          kernel = pow_kernel_of<B, double>(ctx);
        } else {
          kernel = is_integral(ctx.type(1)) ? pow_kernel_of<B, std::int64_t>(ctx)
                                            : pow_kernel_of<B, double>(ctx);
        }
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register power_op{
    {.type = "Pow", .since = 7, .infer = infer_pow, .kernel = pow_kernel, .lower = lower_binary}};

}  // namespace
}  // namespace coinfer::ops
