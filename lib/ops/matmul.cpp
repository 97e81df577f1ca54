#include "ops/matmul.hpp"

#include "kernels/broadcast.hpp"
#include "kernels/gemv.hpp"
#include "ops/panels.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

using plan::Lowering;
using plan::View;

void infer(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  const auto& a = ctx.shape(0);
  const auto& b = ctx.shape(1);
  if (!a.has_rank() || !b.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  if (a.rank() == 0 || b.rank() == 0) {
    ctx.fail("a scalar cannot be multiplied as a matrix");
  }
  const auto rank_a = static_cast<std::size_t>(a.rank());
  const auto rank_b = static_cast<std::size_t>(b.rank());
  const auto inner_a = a[rank_a - 1];
  const auto inner_b = rank_b == 1 ? b[0] : b[rank_b - 2];
  if (!Dimension::merge(inner_a, inner_b)) {
    ctx.fail(fmt::format("matrices of shapes {} and {} cannot be multiplied", a.to_string(),
                         b.to_string()));
  }
  PartialShape::Dimensions batch_a(a.dimensions().begin(),
                                   a.dimensions().begin() + (rank_a > 1 ? a.rank() - 2 : 0));
  PartialShape::Dimensions batch_b(b.dimensions().begin(),
                                   b.dimensions().begin() + (rank_b > 1 ? b.rank() - 2 : 0));
  auto dims = broadcast(ctx, PartialShape{batch_a}, PartialShape{batch_b}).dimensions();
  if (rank_a > 1) {
    dims.push_back(a[rank_a - 2]);
  }
  if (rank_b > 1) {
    dims.push_back(b[rank_b - 1]);
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

/// Both operands as matrices of one rank.
struct Matrices {
  Shape a, b;
  Shape batch;
  std::int64_t m, k, n;
};

Matrices matrices_of(Shape a, Shape b) {
  Matrices result;
  if (a.size() == 1) {
    a.insert(a.begin(), 1);
  }
  if (b.size() == 1) {
    b.push_back(1);
  }
  const Shape batch_a(std::span{a.data(), a.size() - 2});
  const Shape batch_b(std::span{b.data(), b.size() - 2});
  result.batch = kernels::broadcast_shapes(batch_a, batch_b);
  result.m = a[a.size() - 2];
  result.k = a.back();
  result.n = b.back();
  result.a = std::move(a);
  result.b = std::move(b);
  return result;
}

template <class T>
void multiply(const T* a, const T* b, T* c, std::int64_t m, std::int64_t k, std::int64_t n) {
  using Sum = wide_of<T>;
  std::vector<Sum> row(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < m; ++i) {
    std::fill(row.begin(), row.end(), Sum{0});
    for (std::int64_t l = 0; l < k; ++l) {
      const auto x = static_cast<Sum>(a[i * k + l]);
      for (std::int64_t j = 0; j < n; ++j) {
        row[static_cast<std::size_t>(j)] += x * static_cast<Sum>(b[l * n + j]);
      }
    }
    for (std::int64_t j = 0; j < n; ++j) {
      c[i * n + j] = static_cast<T>(row[static_cast<std::size_t>(j)]);
    }
  }
}

Kernel kernel(const KernelContext& ctx) {
  const auto given = matrices_of(ctx.shape(0), ctx.shape(1));
  // One element of the walk stands for a matrix.
  const Shape batch_a(std::span{given.a.data(), given.a.size() - 2});
  const Shape batch_b(std::span{given.b.data(), given.b.size() - 2});
  const kernels::Broadcast<2> walk{given.batch, {batch_a, batch_b}};
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=, m = given.m, k = given.k, n = given.n](const void* const* src,
                                                            void* const* dst) {
          walk.for_each_row([&](std::int64_t at_dst, const auto& at) {
            for (std::int64_t i = 0; i < walk.row(); ++i) {
              multiply(static_cast<const T*>(src[0]) + (at[0] + i * walk.step(0)) * m * k,
                       static_cast<const T*>(src[1]) + (at[1] + i * walk.step(1)) * k * n,
                       static_cast<T*>(dst[0]) + (at_dst + i) * m * n, m, k, n);
            }
          });
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

bool rows_or_columns_dense(const View& view) {
  const auto rank = view.dims.size();
  const auto good = [](std::int64_t inner, std::int64_t outer, std::int64_t extent) {
    return inner == 1 && outer >= extent;
  };
  return good(view.strides[rank - 1], view.strides[rank - 2], view.dims[rank - 1]) ||
         good(view.strides[rank - 2], view.strides[rank - 1], view.dims[rank - 2]);
}

/// The operand with its matrices' rows or columns dense.
View matrix_view(Lowering& lowering, graph::ValueId id, const Shape& dims) {
  auto view = reshaped(lowering.view(id), dims);
  if (!view || !rows_or_columns_dense(*view)) {
    view = reshaped(lowering.plain(id), dims);
  }
  return *view;
}

bool lower(Lowering& lowering, const graph::Node& node) {
  if (lowering.type(node.outputs[0]) != ElementType::f32 && !plan::is_mixed(node)) {
    return false;
  }
  const auto given = matrices_of(lowering.dims(node.inputs[0]), lowering.dims(node.inputs[1]));
  const auto dst_dims = lowering.dims(node.outputs[0]);
  if (given.k == 0 || dst_dims.elements() == 0) {
    return false;
  }
  const auto& weights = lowering.constant(node.inputs[1]);
  Multiplication work;
  // A single right-hand matrix: all rows of the left-hand side are one matrix.
  if (Shape(std::span{given.b.data(), given.b.size() - 2}).elements() == 1 &&
      dst_dims.size() >= given.b.size()) {
    work.dst_dims = {dst_dims.elements() / given.n, given.n};
    work.a = matrix_view(lowering, node.inputs[0], {work.dst_dims[0], given.k});
    work.b = matrix_view(lowering, node.inputs[1], {given.k, given.n});
    work.weights = weights;
    if (lower_multiplication(lowering, node, work)) {
      return true;
    }
  }
  const auto rank = given.batch.size() + 2;
  const auto as_rank = [rank](Shape dims) {
    dims.insert(dims.begin(), rank - dims.size(), 1);
    return dims;
  };
  work.dst_dims = given.batch;
  work.dst_dims.push_back(given.m);
  work.dst_dims.push_back(given.n);
  work.a = matrix_view(lowering, node.inputs[0], as_rank(given.a));
  work.b = matrix_view(lowering, node.inputs[1], as_rank(given.b));
  work.weights = weights;
  return lower_multiplication(lowering, node, work);
}

const Register matmul{
    {.type = "MatMul", .since = 1, .infer = infer, .kernel = kernel, .lower = lower}};

}  // namespace

namespace {

/// How far apart the elements of an extent of 1 lie means nothing, but oneDNN knows layouts by it:
/// such extents before the matrices lie outermost.
View with_outermost_ones(View view) {
  for (auto i = view.dims.size() - std::min<std::size_t>(2, view.dims.size()); i-- > 0;) {
    if (view.dims[i] != 1) {
      continue;
    }
    std::int64_t span = 1;
    for (std::size_t k = 0; k < view.dims.size(); ++k) {
      if (k != i) {
        span = std::max(span, view.dims[k] * view.strides[k]);
      }
    }
    view.strides[i] = span;
  }
  return view;
}

/// One row times constant weights: read where they lie.
bool lower_row(Lowering& lowering, const graph::Node& node, const Multiplication& work) {
  const std::int64_t swap[] = {1, 0};
  if (plan::is_mixed(node) || !work.weights || work.dst_dims.size() != 2 || work.dst_dims[0] != 1 ||
      !work.a.is_plain()) {
    return false;
  }
  const bool transposed = !work.b.is_plain();
  if (transposed && !plan::transposed(work.b, swap).is_plain()) {
    return false;
  }
  const auto k = work.b.dims[0];
  const auto n = work.b.dims[1];
  std::vector<View> sources{work.a, work.b};
  if (work.bias) {
    sources.push_back(*work.bias);
  }
  const auto dst = lowering.destination(node.outputs[0]);
  lowering.add(kernels::gemv(k, n, transposed, work.bias.has_value(), lowering.threads()), sources,
               {&dst, 1}, {.flops = 2.0 * static_cast<double>(k * n), .implementation = "gemv"});
  lower_post_ops(lowering, node);
  return true;
}

}  // namespace

bool lower_multiplication(Lowering& lowering, const graph::Node& node, const Multiplication& work) {
  if (lower_row(lowering, node, work)) {
    return true;
  }
  const auto dims = lowering.dims(node.outputs[0]);
  auto strides = plan::plain_strides(dims);
  if (const auto* wanted = lowering.wanted_strides(node.outputs[0]);
      wanted != nullptr && dims == work.dst_dims) {
    strides = *wanted;
  }
  const View dst_view{{}, 0, lowering.type(node.outputs[0]), dims, strides};
  const auto dst_merged = reshaped(dst_view, work.dst_dims);
  if (!dst_merged) {
    return false;
  }
  const auto desc_a = desc_of(with_outermost_ones(work.a));
  const auto desc_dst = desc_of(with_outermost_ones(*dst_merged));
  // The first post-op as bias, when it is one number a column.
  std::optional<View> bias = work.bias;
  std::size_t first = 0;
  if (!bias && !node.post_ops.empty() && node.post_ops[0].kind == graph::PostOp::Kind::binary &&
      static_cast<dnnl::algorithm>(node.post_ops[0].algorithm) == dnnl::algorithm::binary_add &&
      lowering.constant(node.post_ops[0].operand) &&
      lowering.view(node.post_ops[0].operand).elements() == work.dst_dims.back() &&
      lowering.dims(node.post_ops[0].operand).back() == work.dst_dims.back()) {
    Shape row(work.dst_dims.size(), 1);
    row.back() = work.dst_dims.back();
    bias = reshaped(lowering.plain(node.post_ops[0].operand), row);
    first = 1;
  }
  if (strides == plan::plain_strides(dims) && lower_panels(lowering, node, work, bias, first)) {
    return true;
  }
  auto post_ops = std::make_unique<PostOps>(lowering, node, strides, work.dst_dims, true, first);
  bool fused = post_ops->fits();
  if (!fused && work.dst_dims != dims) {
    return false;  // the caller tries again with all extents
  }
  const auto make = [&](const dnnl::memory::desc& weights, const dnnl::primitive_attr& attr) {
    return dnnl::matmul::primitive_desc{
        plan::engine(), desc_a, weights, bias ? desc_of(*bias) : dnnl::memory::desc{},
        desc_dst,       attr,   true};
  };
  const auto desc_b = work.weights ? plan::any_desc(work.a.type, work.b.dims)
                                   : desc_of(with_outermost_ones(work.b));
  auto primitive = make(desc_b, fused ? post_ops->attr() : plan::attributes());
  if (fused && first < node.post_ops.size() && (!primitive || plan::is_reference(primitive))) {
    auto plain = make(desc_b, plan::attributes());
    if (plain && !plan::is_reference(plain)) {
      primitive = plain;
      fused = false;
    }
  }
  if (!primitive) {
    return false;
  }
  const auto attr = fused ? post_ops->attr() : plan::attributes();
  std::vector<plan::Argument> arguments{Lowering::argument(DNNL_ARG_SRC, work.a, desc_a)};
  if (work.weights) {
    for (const auto& layout : lowering.packed_layouts(work.weights, work.b)) {
      if (layout == primitive.weights_desc()) {
        break;
      }
      auto shared = make(layout, attr);
      if (shared && std::string_view{shared.impl_info_str()} == primitive.impl_info_str()) {
        primitive = shared;
        break;
      }
    }
    arguments.push_back(
        lowering.packed(DNNL_ARG_WEIGHTS, work.weights, work.b, primitive.weights_desc()));
  } else {
    arguments.push_back(Lowering::argument(DNNL_ARG_WEIGHTS, work.b, desc_b));
  }
  if (bias) {
    arguments.push_back(Lowering::argument(DNNL_ARG_BIAS, *bias));
  }
  const auto dst = fused ? post_ops->destination() : lowering.destination(node.outputs[0], strides);
  arguments.push_back(Lowering::argument(DNNL_ARG_DST, dst, desc_dst));
  if (fused) {
    post_ops->append_to(arguments);
  }
  const auto k = static_cast<double>(work.a.dims.back());
  lowering.add(primitive, dnnl::matmul{primitive}, std::move(arguments),
               {.flops = 2.0 * static_cast<double>(dims.elements()) * k});
  if (!fused) {
    lower_post_ops(lowering, node, first);
  }
  return true;
}

}  // namespace coinfer::ops
