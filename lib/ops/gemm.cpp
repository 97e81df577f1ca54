#include "ops/elementwise.hpp"
#include "ops/matmul.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

struct Form {
  bool transpose_a, transpose_b;
  float alpha, beta;

  explicit Form(const graph::Attributes& given)
      : transpose_a{given.integer("transA", 0) != 0},
        transpose_b{given.integer("transB", 0) != 0},
        alpha{given.real("alpha", 1)},
        beta{given.real("beta", 1)} {}
};

void infer(InferContext& ctx) {
  ctx.check_inputs(2, 3);
  ctx.check_rank(0, 2, 2);
  ctx.check_rank(1, 2, 2);
  const Form form{ctx.attributes()};
  const auto& a = ctx.shape(0);
  const auto& b = ctx.shape(1);
  const auto extent = [](const PartialShape& shape, bool second) {
    return shape.has_rank() ? shape[second ? 1 : 0] : Dimension{};
  };
  if (!Dimension::merge(extent(a, !form.transpose_a), extent(b, form.transpose_b))) {
    ctx.fail(fmt::format("matrices of shapes {} and {} cannot be multiplied (transA {}, transB {})",
                         a.to_string(), b.to_string(), form.transpose_a, form.transpose_b));
  }
  const PartialShape result{extent(a, form.transpose_a), extent(b, !form.transpose_b)};
  if (ctx.has(2)) {
    const auto with_c = broadcast(ctx, result, ctx.shape(2));
    if (!PartialShape::merge(with_c, result)) {
      ctx.fail(fmt::format("C of shape {} does not broadcast to {}", ctx.shape(2).to_string(),
                           result.to_string()));
    }
  }
  ctx.output(0, ctx.type(0), result);
}

Kernel kernel(const KernelContext& ctx) {
  const Form form{ctx.attributes()};
  const auto a = ctx.shape(0);
  const auto b = ctx.shape(1);
  const auto dst = ctx.output_shape(0);
  const auto m = dst[0];
  const auto n = dst[1];
  const auto k = form.transpose_a ? a[0] : a[1];
  const bool has_c = ctx.has(2);
  const kernels::Broadcast<1> walk{dst, {has_c ? ctx.shape(2) : dst}};
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        using Sum = std::conditional_t<is_half<T>, float, T>;
        kernel = [=](const void* const* src, void* const* to) {
          const auto* x = static_cast<const T*>(src[0]);
          const auto* y = static_cast<const T*>(src[1]);
          auto* z = static_cast<T*>(to[0]);
          std::vector<Sum> sums(static_cast<std::size_t>(m * n), Sum{0});
          for (std::int64_t i = 0; i < m; ++i) {
            for (std::int64_t l = 0; l < k; ++l) {
              const auto left = static_cast<Sum>(form.transpose_a ? x[l * m + i] : x[i * k + l]);
              for (std::int64_t j = 0; j < n; ++j) {
                sums[static_cast<std::size_t>(i * n + j)] +=
                    left * static_cast<Sum>(form.transpose_b ? y[j * k + l] : y[l * n + j]);
              }
            }
          }
          const auto scale = [](Sum value, float factor) {
            return factor == 1.0F ? value : static_cast<Sum>(value * static_cast<Sum>(factor));
          };
          for (auto& sum : sums) {
            sum = scale(sum, form.alpha);
          }
          if (has_c && form.beta != 0.0F) {
            walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
              const auto* c = static_cast<const T*>(src[2]) + at[0];
              for (std::int64_t i = 0; i < walk.row(); ++i) {
                sums[static_cast<std::size_t>(at_dst + i)] +=
                    scale(static_cast<Sum>(c[i * walk.step(0)]), form.beta);
              }
            });
          }
          for (std::size_t i = 0; i < sums.size(); ++i) {
            z[i] = static_cast<T>(sums[i]);
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const Form form{node.attributes};
  const auto dst = lowering.dims(node.outputs[0]);
  const bool has_c = node.has_input(2) && form.beta != 0.0F;
  if ((lowering.type(node.outputs[0]) != ElementType::f32 && !plan::is_mixed(node)) ||
      dst.elements() == 0 || lowering.dims(node.inputs[0]).elements() == 0 || form.alpha != 1.0F ||
      (has_c && form.beta != 1.0F)) {
    return false;
  }
  const std::int64_t swap[] = {1, 0};
  Multiplication work;
  work.dst_dims = dst;
  work.a = lowering.plain(node.inputs[0]);
  work.b = lowering.plain(node.inputs[1]);
  work.a = form.transpose_a ? transposed(work.a, swap) : work.a;
  work.b = form.transpose_b ? transposed(work.b, swap) : work.b;
  work.weights = lowering.constant(node.inputs[1]);
  if (has_c) {
    const auto c = padded(lowering.plain(node.inputs[2]), 2);
    if (c.dims != Shape{1, dst[1]}) {
      return false;
    }
    work.bias = c;
  }
  return lower_multiplication(lowering, node, work);
}

const Register gemm{{.type = "Gemm", .since = 7, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace
}  // namespace coinfer::ops
