#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.OverlapAdd (Griffin and Lim, Signal estimation from modified short-time Fourier
// transform, 1984): frames [..., F, size], each `step` behind the one before, weighed by a window
// and summed up to a signal [..., length], divided by the sum of the windows' squares there (where
// that is no zero). Inputs: the frames, the window [at most size] (it stands in a frame's middle),
// the step (i64), the length (i64, optional: as long as the frames reach; a longer one is filled up
// with zeros). With centred = 1 the first size / 2 elements are left out, and so many at the end
// where no length is given; with normalized = 1 the sum is multiplied by sqrt(size).

std::optional<std::int64_t> one(const InferContext& ctx, const char* what,
                                const std::optional<std::vector<std::int64_t>>& values,
                                std::int64_t least) {
  if (!values) {
    return std::nullopt;
  }
  if (values->size() != 1 || values->front() < least || values->front() > std::int64_t{1} << 40) {
    ctx.fail(fmt::format("{} is [{}]", what, fmt::join(*values, ",")));
  }
  return values->front();
}

void infer_overlap(InferContext& ctx) {
  ctx.check_inputs(3, 4);
  ctx.check_rank(0, 2, 64);
  ctx.check_rank(1, 1, 1);
  ctx.check_type(2, {ElementType::i64});
  if (ctx.type(1) != ctx.type(0)) {
    ctx.fail(fmt::format("frames are {} and the window is {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(1))));
  }
  const auto step = one(ctx, "the step", ctx.integers(2), 1);
  const bool has_length = ctx.inputs() > 3 && ctx.has(3);
  std::optional<std::int64_t> length;
  if (has_length) {
    ctx.check_type(3, {ElementType::i64});
    length = one(ctx, "the length", ctx.integers(3), 0);
  }
  const auto& frames = ctx.shape(0);
  if (!frames.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto rank = static_cast<std::size_t>(frames.rank());
  PartialShape::Dimensions dims;
  for (std::size_t i = 0; i + 1 < rank; ++i) {
    dims.push_back(frames[i]);
  }
  const auto count = frames[rank - 2], size = frames[rank - 1];
  dims.back() = Dimension{};
  if (size.is_static() && ctx.shape(1).has_rank() && ctx.shape(1)[0].min_length() > size.length()) {
    ctx.fail(fmt::format("a window of shape {} is longer than its frames of {}",
                         ctx.shape(1).to_string(), size.length()));
  }
  if (length && *length > 0) {
    dims.back() = *length;
  } else if ((!has_length || length) && step && count.is_static() && size.is_static()) {
    const auto gaps = std::max<std::int64_t>(count.length() - 1, 0);
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(gaps, *step, &reach)) {
      ctx.fail("the signal is longer than can be counted");
    }
    const bool centred = ctx.attributes().integer("centred", 0) != 0;
    dims.back() = count.length() == 0 ? 0 : reach + (centred ? size.length() % 2 : size.length());
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

Kernel overlap_kernel(const KernelContext& ctx) {
  const auto frames = ctx.shape(0);
  const auto count = frames[frames.size() - 2], size = frames.back();
  const auto window = ctx.shape(1)[0];
  const auto result = ctx.output_shape(0);
  const auto length = result.back();
  const auto signals = length == 0 ? 0 : result.elements() / length;
  const bool centred = ctx.attributes().integer("centred", 0) != 0;
  const auto scale =
      ctx.attributes().integer("normalized", 0) != 0 ? std::sqrt(static_cast<double>(size)) : 1.0;
  const auto margin = centred ? size / 2 : 0;
  const auto before = (size - window) / 2;
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* x = static_cast<const T*>(src[0]);
          const auto* shape = static_cast<const T*>(src[1]);
          const auto step = *static_cast<const std::int64_t*>(src[2]);
          auto* d = static_cast<T*>(dst[0]);
          const auto reach = (count - 1) * step + size - margin;  // the last place with a sum
          for (std::int64_t s = 0; s < signals; ++s, x += count * size) {
            for (std::int64_t i = 0; i < length; ++i) {
              double sum = 0, weight = 0;
              const auto at = i + margin;
              // The frames that begin in (at - size, at].
              const auto first = at < size ? 0 : (at - size) / step + 1;
              const auto last = std::min(count - 1, at / step);
              for (auto f = first; f <= last && i < reach; ++f) {
                const auto place = at - f * step;
                if (place >= before && place < before + window) {
                  const auto factor =
                      static_cast<double>(static_cast<wide_of<T>>(shape[place - before]));
                  sum += factor * static_cast<double>(static_cast<wide_of<T>>(x[f * size + place]));
                  weight += factor * factor;
                }
              }
              *d++ =
                  static_cast<T>(static_cast<wide_of<T>>(weight == 0 ? 0.0 : sum * scale / weight));
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register overlap{
    {.type = "OverlapAdd", .infer = infer_overlap, .kernel = overlap_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
