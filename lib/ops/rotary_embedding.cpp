#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

/// X as [batch, sequence, heads, size] with its steps: [B,N,S,H], or [B,S,N*H] with num_heads.
struct Heads {
  std::int64_t batch, sequence, heads, size;
  std::int64_t head_step, sequence_step;
  std::int64_t rotated;  // elements of a head that turn
};

template <class Context>
Heads heads_of(const Context& ctx, const Shape& x) {
  Heads result{};
  if (x.rank() == 4) {
    result = {x[0], x[2], x[1], x[3], x[2] * x[3], x[3], 0};
  } else {
    const auto heads = ctx.attributes().integer("num_heads", 0);
    if (heads < 1 || x[2] % heads != 0) {
      ctx.fail(fmt::format("the attribute 'num_heads' is {} for data of shape {}", heads,
                           x.to_string()));
    }
    result = {x[0], x[1], heads, x[2] / heads, x[2] / heads, x[2], 0};
  }
  const auto rotated = ctx.attributes().integer("rotary_embedding_dim", 0);
  result.rotated = rotated == 0 ? result.size : rotated;
  if (result.rotated < 0 || result.rotated > result.size || result.rotated % 2 != 0) {
    ctx.fail(
        fmt::format("{} of {} elements of a head cannot be rotated", result.rotated, result.size));
  }
  return result;
}

void infer_rotary(InferContext& ctx) {
  ctx.check_inputs(3, 4);
  ctx.check_rank(0, 3, 4);
  for (std::size_t i = 1; i < 3; ++i) {
    ctx.check_rank(i, 2, 3);
    if (ctx.type(i) != ctx.type(0)) {
      ctx.fail(fmt::format("the input {} is of type {}; {} was expected", i, name_of(ctx.type(i)),
                           name_of(ctx.type(0))));
    }
  }
  if (ctx.has(3)) {
    ctx.check_type(3, {ElementType::i64});
    ctx.check_rank(3, 2, 2);
    ctx.check_rank(1, 2, 2);
  } else {
    ctx.check_rank(1, 3, 3);
  }
  if (ctx.shape(0).is_static() && ctx.shape(1).is_static() && ctx.shape(2).is_static()) {
    const auto heads = heads_of(ctx, ctx.shape(0).to_shape());
    const auto cache = ctx.shape(1).to_shape();
    bool fits = ctx.shape(2) == ctx.shape(1) && cache.back() == heads.rotated / 2;
    if (ctx.has(3)) {
      fits = fits && PartialShape::merge(ctx.shape(3), PartialShape{heads.batch, heads.sequence});
    } else {
      fits = fits && cache[0] == heads.batch && cache[1] == heads.sequence;
    }
    if (!fits) {
      ctx.fail(fmt::format("caches of shapes {} and {} do not fit data of shape {}",
                           ctx.shape(1).to_string(), ctx.shape(2).to_string(),
                           ctx.shape(0).to_string()));
    }
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

template <class T>
Kernel rotary_of(const KernelContext& ctx) {
  const auto heads = heads_of(ctx, ctx.shape(0));
  const bool by_position = ctx.has(3);
  const auto positions = ctx.shape(1)[0];
  const bool interleaved = ctx.attributes().integer("interleaved", 0) != 0;
  const auto half = heads.rotated / 2;
  return [=](const void* const* src, void* const* dst) {
    using A = wide_of<T>;
    const auto* ids = by_position ? static_cast<const std::int64_t*>(src[3]) : nullptr;
    const auto batch_step = heads.heads * heads.sequence * heads.size;
    for (std::int64_t b = 0; b < heads.batch; ++b) {
      for (std::int64_t s = 0; s < heads.sequence; ++s) {
        auto row = b * heads.sequence + s;
        if (ids != nullptr) {
          row = ids[row];
          if (row < 0 || row >= positions) [[unlikely]] {
            throw Error(
                fmt::format("the position {} does not lie in a cache of {}", row, positions));
          }
        }
        const auto* cosine = static_cast<const T*>(src[1]) + row * half;
        const auto* sine = static_cast<const T*>(src[2]) + row * half;
        for (std::int64_t n = 0; n < heads.heads; ++n) {
          const auto at = b * batch_step + n * heads.head_step + s * heads.sequence_step;
          const auto* x = static_cast<const T*>(src[0]) + at;
          auto* d = static_cast<T*>(dst[0]) + at;
          for (std::int64_t i = 0; i < half; ++i) {
            const auto first = interleaved ? 2 * i : i;
            const auto second = interleaved ? 2 * i + 1 : half + i;
            const auto a = static_cast<A>(x[first]);
            const auto c = static_cast<A>(x[second]);
            d[first] = static_cast<T>(static_cast<A>(cosine[i]) * a - static_cast<A>(sine[i]) * c);
            d[second] = static_cast<T>(static_cast<A>(sine[i]) * a + static_cast<A>(cosine[i]) * c);
          }
          std::copy(x + heads.rotated, x + heads.size, d + heads.rotated);
        }
      }
    }
  };
}

Kernel rotary_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_float(ctx.type(0),
                  [&]<class T>(std::type_identity<T>) { kernel = rotary_of<T>(ctx); })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register rotary{
    {.type = "RotaryEmbedding", .since = 23, .infer = infer_rotary, .kernel = rotary_kernel}};

}  // namespace
}  // namespace coinfer::ops
