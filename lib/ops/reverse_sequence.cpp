#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

struct Axes {
  std::int64_t batch = 1;
  std::int64_t time = 0;
};

template <class Context>
Axes axes_of(const Context& ctx) {
  const Axes axes{ctx.attributes().integer("batch_axis", 1),
                  ctx.attributes().integer("time_axis", 0)};
  if (axes.batch < 0 || axes.batch > 1 || axes.time != 1 - axes.batch) {
    ctx.fail(
        fmt::format("the batch axis is {} and the time axis {}; 0 and 1 were expected, one each",
                    axes.batch, axes.time));
  }
  return axes;
}

void infer_reverse(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(1, {ElementType::i64});
  ctx.check_rank(0, 2, 64);
  ctx.check_rank(1, 1, 1);
  const auto axes = axes_of(ctx);
  const auto& shape = ctx.shape(0);
  if (shape.has_rank() && ctx.shape(1).has_rank() &&
      !Dimension::merge(shape[static_cast<std::size_t>(axes.batch)], ctx.shape(1)[0])) {
    ctx.fail(fmt::format("lengths of shape {} do not fit data of shape {}",
                         ctx.shape(1).to_string(), shape.to_string()));
  }
  ctx.output(0, ctx.type(0), shape);
}

Kernel reverse_kernel(const KernelContext& ctx) {
  const auto axes = axes_of(ctx);
  const auto shape = ctx.shape(0);
  const auto steps = kernels::strides_of(shape);
  const auto batches = shape[static_cast<std::size_t>(axes.batch)];
  const auto times = shape[static_cast<std::size_t>(axes.time)];
  const auto batch_step = steps[static_cast<std::size_t>(axes.batch)];
  const auto time_step = steps[static_cast<std::size_t>(axes.time)];
  std::int64_t block = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) {
    block *= shape[i];
  }
  return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
    return [=](const void* const* src, void* const* dst) {
      const auto* x = static_cast<const T*>(src[0]);
      const auto* lengths = static_cast<const std::int64_t*>(src[1]);
      auto* d = static_cast<T*>(dst[0]);
      for (std::int64_t b = 0; b < batches; ++b) {
        if (lengths[b] < 0 || lengths[b] > times) {
          throw Error(
              fmt::format("a length is {}; the time axis has {} elements", lengths[b], times));
        }
        for (std::int64_t t = 0; t < times; ++t) {
          const auto from = t < lengths[b] ? lengths[b] - 1 - t : t;
          std::copy_n(x + b * batch_step + from * time_step, block,
                      d + b * batch_step + t * time_step);
        }
      }
    };
  });
}

const Register reverse{
    {.type = "ReverseSequence", .since = 10, .infer = infer_reverse, .kernel = reverse_kernel}};

}  // namespace
}  // namespace coinfer::ops
