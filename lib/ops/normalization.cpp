// Normalisations that oneDNN does not have.
#include <cmath>

#include "kernels/broadcast.hpp"
#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

/// The scale and bias, inputs 1 and 2, are vectors of `count` elements of the first input's type.
void check_affine(const InferContext& ctx, Dimension count) {
  for (std::size_t i = 1; i <= 2; ++i) {
    ctx.check_rank(i, 1, 1);
    if (ctx.type(i) != ctx.type(0)) {
      ctx.fail(fmt::format("the input {} is of type {}; {} was expected", i, name_of(ctx.type(i)),
                           name_of(ctx.type(0))));
    }
    const auto& shape = ctx.shape(i);
    if (shape.has_rank() && !Dimension::merge(shape[0], count)) {
      ctx.fail(fmt::format("the input {} has the shape {}; [{}] was expected", i, shape.to_string(),
                           count.to_string()));
    }
  }
}

void infer_instance(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_rank(0, 2, 64);
  const auto& shape = ctx.shape(0);
  check_affine(ctx, shape.has_rank() ? shape[1] : Dimension{});
  ctx.output(0, ctx.type(0), shape);
}

std::int64_t groups_of(const graph::Attributes& attributes) {
  return attributes.integer("num_groups", 0);
}

void infer_group(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_rank(0, 2, 64);
  const auto& shape = ctx.shape(0);
  const auto groups = groups_of(ctx.attributes());
  if (groups < 1 || (shape.has_rank() && shape[1].is_static() && shape[1].length() % groups != 0)) {
    ctx.fail(fmt::format("the attribute 'num_groups' is {} for the shape {}", groups,
                         shape.to_string()));
  }
  // Until opset 21 scale and bias were given per group.
  check_affine(ctx, ctx.opset() < 21   ? Dimension{groups}
                    : shape.has_rank() ? shape[1]
                                       : Dimension{});
  ctx.output(0, ctx.type(0), shape);
}

template <class A>
struct Moments {
  A mean;
  A inverse;  // of the standard deviation
};

template <class A, class T>
Moments<A> moments_of(const T* x, std::int64_t count, float epsilon) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    sum += static_cast<double>(static_cast<A>(x[i]));
  }
  const auto mean = sum / static_cast<double>(count);
  double squares = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto off = static_cast<double>(static_cast<A>(x[i])) - mean;
    squares += off * off;
  }
  const auto variance = squares / static_cast<double>(count);
  return {static_cast<A>(mean),
          static_cast<A>(1 / std::sqrt(variance + static_cast<double>(epsilon)))};
}

/// Groups of `channels` neighbouring channels of `plane` elements are normalised together.
/// `repeat` channels in a row share a scale and bias.
template <class T>
Kernel group_kernel_of(std::int64_t batch, std::int64_t groups, std::int64_t channels,
                       std::int64_t plane, std::int64_t repeat, float epsilon) {
  return [=](const void* const* src, void* const* dst) {
    using A = wide_of<T>;
    const auto* x = static_cast<const T*>(src[0]);
    const auto* scale = static_cast<const T*>(src[1]);
    const auto* bias = static_cast<const T*>(src[2]);
    auto* d = static_cast<T*>(dst[0]);
    for (std::int64_t n = 0; n < batch; ++n) {
      for (std::int64_t g = 0; g < groups; ++g) {
        const auto moments = moments_of<A>(x, channels * plane, epsilon);
        for (std::int64_t c = 0; c < channels; ++c, x += plane, d += plane) {
          const auto at = (g * channels + c) / repeat;
          const A factor = moments.inverse * static_cast<A>(scale[at]);
          const A shift = static_cast<A>(bias[at]) - moments.mean * factor;
          for (std::int64_t i = 0; i < plane; ++i) {
            d[i] = static_cast<T>(static_cast<A>(x[i]) * factor + shift);
          }
        }
      }
    }
  };
}

Kernel group_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const bool by_group = ctx.node().type == "GroupNormalization";
  const auto groups = by_group ? groups_of(ctx.attributes()) : shape[1];
  std::int64_t plane = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    plane *= shape[i];
  }
  const auto channels = groups == 0 ? 0 : shape[1] / groups;
  const auto repeat = by_group && ctx.opset() < 21 ? std::max<std::int64_t>(channels, 1) : 1;
  const auto epsilon = ctx.attributes().real("epsilon", 1e-5F);
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = group_kernel_of<T>(shape[0], groups, channels, plane, repeat, epsilon);
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

void infer_rms(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  const auto& shape = ctx.shape(0);
  if (shape.has_rank()) {
    normalize_axis(ctx, ctx.attributes().integer("axis", -1), shape.rank());
    if (!PartialShape::merge(broadcast(ctx, 0, 1), shape)) {
      ctx.fail(fmt::format("the scale of shape {} does not broadcast to {}",
                           ctx.shape(1).to_string(), shape.to_string()));
    }
  }
  ctx.output(0, ctx.type(1), shape);
}

template <class T, class Scale>
Kernel rms_kernel_of(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", -1), shape.rank()));
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? outer : inner) *= shape[i];
  }
  const auto epsilon = ctx.attributes().real("epsilon", 1e-5F);
  const kernels::Broadcast<1> walk{shape, {ctx.shape(1)}};
  return [=](const void* const* src, void* const* dst) {
    using A = wide_of<T>;
    const auto* x = static_cast<const T*>(src[0]);
    auto* d = static_cast<Scale*>(dst[0]);
    // First the normalised values, then the scale over them, which may have any shape.
    for (std::int64_t o = 0; o < outer; ++o, x += inner, d += inner) {
      double squares = 0;
      for (std::int64_t i = 0; i < inner; ++i) {
        const auto value = static_cast<double>(static_cast<A>(x[i]));
        squares += value * value;
      }
      const auto factor = static_cast<A>(
          1 / std::sqrt(squares / static_cast<double>(inner) + static_cast<double>(epsilon)));
      for (std::int64_t i = 0; i < inner; ++i) {
        d[i] = static_cast<Scale>(static_cast<A>(x[i]) * factor);
      }
    }
    d = static_cast<Scale*>(dst[0]);
    walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
      const auto* scale = static_cast<const Scale*>(src[1]) + at[0];
      for (std::int64_t i = 0; i < walk.row(); ++i) {
        using B = wide_of<Scale>;
        d[at_dst + i] = static_cast<Scale>(static_cast<B>(d[at_dst + i]) *
                                           static_cast<B>(scale[i * walk.step(0)]));
      }
    });
  };
}

Kernel rms_kernel(const KernelContext& ctx) {
  Kernel kernel;
  const bool served = with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
    with_float(ctx.type(1), [&]<class Scale>(std::type_identity<Scale>) {
      kernel = rms_kernel_of<T, Scale>(ctx);
    });
  });
  if (!served || !kernel) {
    ctx.unsupported_type(ctx.type(served ? 1 : 0));
  }
  return kernel;
}

void infer_mean_variance(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto axes = ctx.attributes().integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3});
  if (ctx.shape(0).has_rank()) {
    normalize_axes(ctx, axes, ctx.shape(0).rank());
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

Kernel mean_variance_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axes = ctx.attributes().integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3});
  auto kept = shape;
  for (const auto axis : normalize_axes(ctx, axes, shape.rank())) {
    kept[static_cast<std::size_t>(axis)] = 1;
  }
  const auto statistics = static_cast<std::size_t>(kept.elements());
  const auto count = statistics == 0
                         ? 1.0
                         : static_cast<double>(shape.elements()) / static_cast<double>(statistics);
  const kernels::Broadcast<1> walk{shape, {kept}};
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          thread_local std::vector<double> means;  // grow once per thread
          thread_local std::vector<double> squares;
          means.assign(statistics, 0);
          squares.assign(statistics, 0);
          const auto* x = static_cast<const T*>(src[0]);
          auto* d = static_cast<T*>(dst[0]);
          const auto each = [&](auto visit) {
            walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
              for (std::int64_t i = 0; i < walk.row(); ++i) {
                visit(at_dst + i, static_cast<std::size_t>(at[0] + i * walk.step(0)));
              }
            });
          };
          const auto value = [&](std::int64_t i) {
            return static_cast<double>(static_cast<wide_of<T>>(x[i]));
          };
          each([&](std::int64_t i, std::size_t k) { means[k] += value(i) / count; });
          each([&](std::int64_t i, std::size_t k) {
            squares[k] += (value(i) - means[k]) * (value(i) - means[k]) / count;
          });
          each([&](std::int64_t i, std::size_t k) {
            d[i] = static_cast<T>(
                static_cast<wide_of<T>>((value(i) - means[k]) / (std::sqrt(squares[k]) + 1e-9)));
          });
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

void infer_lp(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto p = ctx.attributes().integer("p", 2);
  if (p != 1 && p != 2) {
    ctx.fail(fmt::format("the attribute 'p' is {}; 1 or 2 was expected", p));
  }
  if (ctx.shape(0).has_rank()) {
    normalize_axis(ctx, ctx.attributes().integer("axis", -1), ctx.shape(0).rank());
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

Kernel lp_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", -1), shape.rank()));
  const bool squared = ctx.attributes().integer("p", 2) == 2;
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
  }
  const auto count = shape[axis];
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          using A = wide_of<T>;
          for (std::int64_t o = 0; o < outer; ++o) {
            for (std::int64_t i = 0; i < inner; ++i) {
              const auto* x = static_cast<const T*>(src[0]) + o * count * inner + i;
              auto* d = static_cast<T*>(dst[0]) + o * count * inner + i;
              A sum = 0;
              for (std::int64_t k = 0; k < count; ++k) {
                const auto value = static_cast<A>(x[k * inner]);
                sum += squared ? value * value : std::abs(value);
              }
              const A norm = squared ? std::sqrt(sum) : sum;
              for (std::int64_t k = 0; k < count; ++k) {
                d[k * inner] =
                    norm == 0 ? T{0} : static_cast<T>(static_cast<A>(x[k * inner]) / norm);
              }
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register instance{
    {.type = "InstanceNormalization", .since = 6, .infer = infer_instance, .kernel = group_kernel}};
const Register group{
    {.type = "GroupNormalization", .since = 18, .infer = infer_group, .kernel = group_kernel}};
const Register rms{
    {.type = "RMSNormalization", .since = 23, .infer = infer_rms, .kernel = rms_kernel}};
const Register mean_variance{{.type = "MeanVarianceNormalization",
                              .since = 9,
                              .infer = infer_mean_variance,
                              .kernel = mean_variance_kernel}};
const Register lp{{.type = "LpNormalization", .infer = infer_lp, .kernel = lp_kernel}};

}  // namespace
}  // namespace coinfer::ops
